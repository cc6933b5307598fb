import { effect, untracked } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { site } from '../state/board.ts';
import { charted, chartTable, chartVersion } from '../state/chart-feed.ts';
import { boardNow, now } from '../state/clock.ts';
import { bounds, zoomTo } from '../state/range.ts';
import { isAdditive, type Selection, titleOf } from '../state/selection.ts';
import { isDark } from '../state/theme.ts';
import { zoom, zoomBack } from '../state/view.ts';
import { columnsOf } from './columns.ts';
import { type Hover, hover } from './hover.ts';
import { readPalette } from './palette.ts';
import { Plot } from './plot.ts';
import type { PlotPlan } from './plot-options.ts';
import type { Table } from './table.ts';
import { Tooltip, wordsAt } from './tooltip.tsx';

export function Chart() {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  useEffect(() => followTable(box.current as HTMLElement, plot), []);
  return (
    <div
      class="chart"
      tabIndex={0}
      role="slider"
      aria-label={label()}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={place(hover.value)}
      aria-valuetext={hover.value ? wordsAt(hover.value.time) : 'no bucket chosen'}
      onKeyDown={(event) => onKey(event, plot.current)}
    >
      <div class="plot" ref={box} />
      <Tooltip />
    </div>
  );
}

/** Reading a chart bucket by bucket is a slider over time, which screen readers know how to say. */
const place = (at: Hover | null): number =>
  at ? Math.round((100 * at.left) / Math.max(at.plotWidth, 1)) : 100;

function label(): string {
  const shown = charted.value;
  const name = shown && site.value ? titleOf(site.value, shown.rollup) : '';
  return `Chart of ${name}. Left and right arrows read it, plus and minus zoom. The same figures are in the table below.`;
}

/** Keeps the plot in step with the table; what it is made of changes seldom, what it shows often. */
function followTable(box: HTMLElement, current: { current: Plot | null }): () => void {
  let built = '';
  const stopDrawing = effect(() => {
    chartVersion.value;
    const table = chartTable.value;
    const selected = charted.value;
    const dark = isDark();
    if (!table || !selected) return;
    untracked(() => {
      const additive = isAdditive(selected.measure.fn);
      const columns = columnsOf(table, { nowMs: boardNow(), additive, latenessMs: selected.latenessMs });
      const shape = JSON.stringify([
        selected.range,
        selected.rollup.name,
        selected.measure.name,
        table.lines.map((line) => line.key),
        dark,
        remOf(),
      ]);
      if (shape === built && current.current) current.current.show(columns);
      else {
        current.current?.destroy();
        current.current = new Plot(box, planOf(table, selected), columns);
        built = shape;
      }
    });
  });
  const stopSliding = effect(() => {
    now.value;
    if (charted.peek()?.range.kind === 'last') current.current?.slide();
  });
  return () => {
    stopDrawing();
    stopSliding();
    current.current?.destroy();
    current.current = null;
  };
}

const remOf = (): string => getComputedStyle(document.documentElement).fontSize;

function planOf(table: Table, selected: Selection): PlotPlan {
  const additive = isAdditive(selected.measure.fn);
  return {
    lines: table.lines.length,
    additive,
    fromZero: additive || selected.measure.fn === 'rate',
    zone: site.value?.timezone ?? 'UTC',
    palette: readPalette(),
    span: () => bounds(selected.range, boardNow()),
    onZoom: (from, to) => zoom(zoomTo(from, to, finestOf(selected))),
    onBack: zoomBack,
  };
}

const finestOf = (selected: Selection): number => selected.rollup.tiers[0]?.widthMs ?? 60_000;

function onKey(event: KeyboardEvent, plot: Plot | null): void {
  if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
  const pace = event.shiftKey ? 10 : 1;
  const moves: Record<string, number | 'first' | 'last'> = {
    ArrowLeft: -pace,
    ArrowRight: pace,
    Home: 'first',
    End: 'last',
  };
  if (event.key in moves) {
    plot.moveCursor(moves[event.key]);
  } else if (event.key === '+' || event.key === '=') zoomAround();
  else if (event.key === '-') zoomBack();
  else if (event.key === 'Escape') plot.hideCursor();
  else return;
  event.preventDefault();
}

/** Half the span, around the cursor where there is one. */
function zoomAround(): void {
  const selected = charted.peek();
  if (!selected) return;
  const { from, to } = bounds(selected.range, boardNow());
  const middle = hover.peek()?.time ?? (from + to) / 2;
  const quarter = (to - from) / 4;
  zoom(zoomTo(middle - quarter, middle + quarter, finestOf(selected)));
}
