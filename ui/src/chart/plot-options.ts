import uPlot from 'uplot';
import { axisLabels } from '../format/number.ts';
import { timeLabels, valueRange } from './axis.ts';
import type { Palette } from './palette.ts';

export interface PlotPlan {
  lines: number;
  additive: boolean;
  /** Measures that start at zero; a gauge shows how it varies. */
  fromZero: boolean;
  zone: string;
  palette: Palette;
  span: () => { from: number; to: number };
  onZoom: (from: number, to: number) => void;
  onBack: () => void;
}

/** Columns of one line: settled, moving, guessed, filling. */
export const COLUMNS_A_LINE = 4;

export function plotOptions(
  plan: PlotPlan,
  size: { width: number; height: number },
  cursor: { moved: (u: uPlot) => void; reach: (u: uPlot) => number },
): uPlot.Options {
  const { palette } = plan;
  const series: uPlot.Series[] = [{}];
  for (let i = 0; i < plan.lines; i++) series.push(...lineSeries(plan, i));
  return {
    ...size,
    ms: 1,
    tzDate: (ms) => uPlot.tzDate(new Date(ms), plan.zone),
    padding: [palette.rem * 0.75, palette.rem * 0.9, 0, 0],
    legend: { show: false },
    focus: { alpha: 1 },
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 6 },
      points: { size: palette.rem * 0.55, width: 2 },
      hover: { prox: cursor.reach },
      bind: {
        dblclick: () => () => {
          plan.onBack();
          return null;
        },
      },
    },
    scales: {
      x: {
        time: true,
        range: () => {
          const { from, to } = plan.span();
          return [from, to];
        },
      },
      y: { range: (_u, min, max) => valueRange(min, max, plan.fromZero) },
    },
    axes: [timeAxis(plan), valueAxis(plan)],
    series,
    hooks: { setCursor: [cursor.moved], setSelect: [(u) => tellZoom(u, plan)] },
  };
}

function lineSeries({ palette, lines, additive }: PlotPlan, i: number): uPlot.Series[] {
  const stroke = palette.lines[i % palette.lines.length];
  const isAlone = lines === 1;
  const width = palette.rem / (isAlone ? 9 : 12);
  const points = { show: false, size: palette.rem * 0.4, fill: stroke, filter: isolated };
  const base: uPlot.Series = { stroke, width, points, spanGaps: false };
  return [
    { ...base, ...(isAlone ? { fill: (u: uPlot) => fade(u, stroke, '38') } : {}) },
    {
      ...base,
      dash: [palette.rem * 0.32, palette.rem * 0.28],
      ...(isAlone ? { fill: (u: uPlot) => fade(u, stroke, '1c') } : {}),
    },
    {
      ...base,
      stroke: `${stroke}b3`,
      dash: [palette.rem * 0.08, palette.rem * 0.2],
      ...(isAlone ? { fill: () => hatching(stroke, palette) } : {}),
    },
    isAlone && additive ? fillingBar(stroke) : fillingDot(stroke, palette),
  ];
}

const hatched = new Map<string, CanvasPattern>();

/** Slanted lines in the colour of the line. */
function hatching(stroke: string, { rem }: Palette): CanvasPattern | string {
  const side = Math.round(rem * 0.5 * devicePixelRatio);
  const name = `${stroke} ${side}`;
  const known = hatched.get(name);
  if (known) return known;
  const tile = document.createElement('canvas');
  tile.width = side;
  tile.height = side;
  const context = tile.getContext('2d');
  if (!context) return 'transparent';
  context.strokeStyle = `${stroke}66`;
  context.lineWidth = Math.max(1, side / 7);
  // Three strokes, so that the corners of one tile go on in the next.
  for (const shift of [-side, 0, side]) {
    context.moveTo(shift - 1, side + 1);
    context.lineTo(shift + side + 1, -1);
  }
  context.stroke();
  const pattern = context.createPattern(tile, 'repeat');
  if (!pattern) return 'transparent';
  hatched.set(name, pattern);
  return pattern;
}

/** What has come of the bucket that is not over: a bar that grows to where the line will go on. */
function fillingBar(stroke: string): uPlot.Series {
  return {
    stroke,
    width: 1,
    fill: `${stroke}4d`,
    paths: uPlot.paths.bars!({ size: [0.9, 60, 2] }),
    points: { show: false },
  };
}

function fillingDot(stroke: string, palette: Palette): uPlot.Series {
  return {
    stroke,
    width: 1.5,
    paths: () => null,
    points: { show: true, size: palette.rem * 0.45, fill: palette.surface, stroke, width: 1.5 },
  };
}

/** A point without neighbours is in no line, and would not be seen. */
const isolated: uPlot.Series.Points.Filter = (u, at) => {
  const values = u.data[at];
  const alone: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) alone.push(i);
  }
  return alone.length > 0 ? alone : null;
};

function fade(u: uPlot, color: string, alpha: string): CanvasGradient | string {
  const { top, height } = u.bbox;
  // The first call comes before the plot has a size.
  if (!Number.isFinite(top + height) || height <= 0) return 'transparent';
  const gradient = u.ctx.createLinearGradient(0, top, 0, top + height);
  gradient.addColorStop(0, `${color}${alpha}`);
  gradient.addColorStop(1, `${color}00`);
  return gradient;
}

function timeAxis({ palette, zone }: PlotPlan): uPlot.Axis {
  return {
    font: palette.font,
    stroke: palette.muted,
    space: palette.rem * 5,
    size: palette.rem * 2.9,
    gap: palette.rem * 0.3,
    grid: { stroke: palette.grid, width: 1 },
    ticks: { stroke: palette.grid, width: 1, size: palette.rem * 0.3 },
    values: (_u, splits, _axis, _space, incr) => timeLabels(splits, incr, zone),
  };
}

function valueAxis({ palette }: PlotPlan): uPlot.Axis {
  return {
    font: palette.font,
    stroke: palette.muted,
    space: palette.rem * 2.8,
    gap: palette.rem * 0.4,
    size: (u, values) => {
      u.ctx.font = palette.font;
      const widest = Math.max(0, ...(values ?? []).map((text) => u.ctx.measureText(text).width));
      return Math.ceil(Math.max(palette.rem * 2.4, widest + palette.rem * 0.9));
    },
    grid: { stroke: palette.grid, width: 1 },
    ticks: { show: false },
    values: (_u, splits) => axisLabels(splits),
  };
}

function tellZoom(u: uPlot, plan: PlotPlan): void {
  const { left, width } = u.select;
  if (width < 6) return;
  const from = u.posToVal(left, 'x');
  const to = u.posToVal(left + width, 'x');
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  plan.onZoom(from, to);
}
