import type { Series } from '@weir/node/contract';

/** One line of the chart: buckets in order of time, with what is known about each. */
export interface Line {
  key: string;
  by: Series['by'];
  time: number[];
  value: (number | null)[];
  final: boolean[];
  revision: number[];
  /** Share of the value that was counted over a gap, and is spread over it. */
  estimated: number[];
}

/** What the chart draws, changed in place as changes come in: a wall screen redraws it a few times a second. */
export interface Table {
  measure: string;
  unit: string;
  decimals: number;
  stepMs: number;
  tierMs: number;
  watermark: number | null;
  lines: Line[];
}

/** Lines that a change may add, as the first reading of an empty range does. */
const MAX_LINES = 60;

export const keyOf = (by: Series['by']): string => JSON.stringify(Object.entries(by));

export function lineOf(series: Series, measure: string): Line {
  return {
    key: keyOf(series.by),
    by: series.by,
    time: [...series.time],
    value: [...(series.values[measure] ?? series.time.map(() => null))],
    final: [...series.final],
    revision: [...series.revision],
    estimated: series.time.map((_, at) => estimatedAt(series, measure, at)),
  };
}

const estimatedAt = (series: Series, measure: string, at: number): number =>
  series.quality?.estimated[measure]?.[at] ?? 0;

/**
 * Buckets that are there are replaced, be they old or new, and others are put in at their time. What lies outside the
 * span is left out: a change tells of whatever a late reading touched.
 */
export function mergeSeries(
  table: Table,
  all: readonly Series[],
  watermark: number | null,
  span: { from: number; to: number },
): void {
  if (watermark !== null) table.watermark = Math.max(table.watermark ?? watermark, watermark);
  for (const series of all) {
    const key = keyOf(series.by);
    let line = table.lines.find((one) => one.key === key);
    if (!line) {
      if (table.lines.length >= MAX_LINES) continue;
      line = { key, by: series.by, time: [], value: [], final: [], revision: [], estimated: [] };
      table.lines.push(line);
    }
    mergeLine(line, series, table, span);
  }
}

function mergeLine(line: Line, series: Series, table: Table, span: { from: number; to: number }): void {
  const values = series.values[table.measure];
  if (!values) return;
  for (let i = 0; i < series.time.length; i++) {
    if (series.time[i] + table.stepMs <= span.from || series.time[i] >= span.to) continue;
    const at = lowerBound(line.time, series.time[i]);
    const present = line.time[at] === series.time[i] ? 1 : 0;
    line.time.splice(at, present, series.time[i]);
    line.value.splice(at, present, values[i]);
    line.final.splice(at, present, series.final[i]);
    line.revision.splice(at, present, series.revision[i]);
    line.estimated.splice(at, present, estimatedAt(series, table.measure, i));
  }
}

/** Forgets what has moved out of the range, so that a screen that stays on for months holds no more than it shows. */
export function forgetBefore(table: Table, fromMs: number): void {
  for (const line of table.lines) {
    // One bucket before the range stays: its line enters from the left.
    const at = Math.max(0, lowerBound(line.time, fromMs - table.stepMs) - 1);
    if (at === 0) continue;
    line.time.splice(0, at);
    line.value.splice(0, at);
    line.final.splice(0, at);
    line.revision.splice(0, at);
    line.estimated.splice(0, at);
  }
}

/** The first place whose time is not before the one asked for. */
export function lowerBound(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const isEmpty = (table: Table): boolean =>
  table.lines.every((line) => line.value.every((v) => v === null));

/** The newest bucket that is over, so that its figure compares with those before it. */
export function newestWhole(table: Table, line: Line): { time: number; value: number } | null {
  const upTo = (table.watermark ?? Number.POSITIVE_INFINITY) - table.stepMs;
  for (let i = line.time.length - 1; i >= 0; i--) {
    const value = line.value[i];
    if (line.time[i] <= upTo && value !== null) return { time: line.time[i], value };
  }
  return null;
}
