import uPlot from 'uplot';
import type { Columns } from './columns.ts';
import { hover } from './hover.ts';
import { type PlotPlan, plotOptions } from './plot-options.ts';

/** How far from a bucket a pointer may be and still mean it. */
const REACH_PX = 16;

/** One uPlot in a box: drawn at most once a frame, as large as its box, and let go of as a whole. */
export class Plot {
  readonly #box: HTMLElement;
  readonly #plot: uPlot;
  readonly #observer: ResizeObserver;
  #columns: Columns;
  #frame = 0;

  constructor(box: HTMLElement, plan: PlotPlan, columns: Columns) {
    this.#box = box;
    this.#columns = columns;
    const size = { width: Math.max(box.clientWidth, 50), height: Math.max(box.clientHeight, 50) };
    this.#plot = new uPlot(
      plotOptions(plan, size, { moved: (u) => this.#tellHover(u), reach: (u) => this.#reach(u) }),
      dataOf(columns),
      box,
    );
    this.#listenToTouch();
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(box);
  }

  get over(): HTMLElement {
    return this.#plot.over;
  }

  /** Many changes between two frames are one drawing. */
  show(columns: Columns): void {
    this.#columns = columns;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** Time has moved on: the same columns over the span as it is now. */
  slide(): void {
    if (this.#frame === 0) this.#plot.setScale('x', { min: 0, max: 1 });
  }

  moveCursor(by: number | 'first' | 'last'): void {
    const times = this.#plot.data[0];
    if (times.length === 0) return;
    const last = times.length - 1;
    const at = this.#plot.cursor.idx ?? last + 1;
    const next = by === 'first' ? 0 : by === 'last' ? last : Math.min(last, Math.max(0, at + by));
    this.#plot.setCursor({ left: this.#plot.valToPos(times[next], 'x'), top: 0 });
  }

  hideCursor(): void {
    this.#plot.setCursor({ left: -10, top: -10 });
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#plot.destroy();
    hover.value = null;
  }

  #draw(): void {
    this.#frame = 0;
    this.#plot.setData(dataOf(this.#columns));
  }

  #tellHover(u: uPlot): void {
    const { idx, left } = u.cursor;
    const isInside = idx != null && left != null && left >= 0 && idx < this.#columns.x.length;
    const bucket = isInside ? u.valToPos(u.data[0][idx], 'x') : 0;
    // Where there is no bucket near, the nearest one says nothing about the place that is pointed at.
    if (!isInside || Math.abs(bucket - left) > this.#reach(u)) {
      hover.value = null;
      return;
    }
    hover.value = {
      time: this.#columns.x[idx],
      left: bucket,
      plotLeft: u.over.offsetLeft,
      plotWidth: u.over.clientWidth,
    };
  }

  #reach(u: uPlot): number {
    const stepPx = u.valToPos(this.#columns.stepMs, 'x') - u.valToPos(0, 'x');
    return Math.max(stepPx, REACH_PX);
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (width > 0 && height > 0) this.#plot.setSize({ width, height });
  }

  // A finger along the chart reads it and a finger up or down scrolls the page: the style sheet sets touch-action
  // to pan-y, and the browser takes the pointer away when it scrolls.
  #listenToTouch(): void {
    const { over } = this.#plot;
    const follow = (event: PointerEvent): void => {
      if (event.pointerType === 'mouse') return;
      const { left, top } = over.getBoundingClientRect();
      this.#plot.setCursor({ left: event.clientX - left, top: event.clientY - top });
    };
    over.addEventListener('pointerdown', follow);
    over.addEventListener('pointermove', follow);
    over.addEventListener('pointercancel', () => this.hideCursor());
  }
}

/** A bucket is drawn over its middle, since its figure is of all of it. */
function dataOf({ x, stepMs, lines }: Columns): uPlot.AlignedData {
  return [
    x.map((start) => start + stepMs / 2),
    ...lines.flatMap((line) => [line.settled, line.moving, line.guessed, line.filling]),
  ];
}
