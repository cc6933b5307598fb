/** A column as a line through an earlier one, up to a small rest. */
export interface Line {
  column: number;
  slope: number;
  at: number;
}

/** Earlier columns that are tried; each costs a look at a few rows. */
const TRIED = 12;
const SAMPLE_ROWS = 32;
/** Fewer rows are not worth the bytes that a line takes. */
const LEAST_ROWS = 24;
/** The rest must be so much narrower than the column itself. */
const GAIN = 16;

/**
 * IEEE 754 rounds a product and a sum alike on every processor, so the reader meets the same value as the writer.
 * The line goes through whole numbers: what it misses is a small whole number, too.
 */
export function onLine(line: Line, value: number): number {
  return Math.round(value * line.slope) + line.at;
}

/** Null when no earlier column tells enough about this one. Both have no NaN where a line is found. */
export function lineThrough(
  values: Float64Array,
  count: number,
  earlier: readonly Float64Array[],
): Line | null {
  if (count < LEAST_ROWS) return null;
  for (let column = 0; column < earlier.length && column < TRIED; column++) {
    const line = lineOn(values, count, earlier[column], column);
    if (line !== null && isClose(values, count, earlier[column], line)) return line;
  }
  return null;
}

/** Through the two sampled rows that lie furthest apart. */
function lineOn(values: Float64Array, count: number, other: Float64Array, column: number): Line | null {
  const sample = Math.min(count, SAMPLE_ROWS);
  let low = 0;
  let high = 0;
  for (let row = 1; row < sample; row++) {
    if (other[row] < other[low]) low = row;
    if (other[row] > other[high]) high = row;
  }
  const span = other[high] - other[low];
  const rise = values[high] - values[low];
  if (!(span > 0) || rise === 0 || !Number.isFinite(rise)) return null;
  const slope = rise / span;
  const line = { column, slope, at: values[low] - Math.round(other[low] * slope) };
  for (let row = 0; row < sample; row++) {
    if (!(Math.abs(values[row] - onLine(line, other[row])) * GAIN <= Math.abs(rise))) return null;
  }
  return Number.isSafeInteger(line.at) ? line : null;
}

/** All rows, not only the sampled ones; and exactly, so that adding the rest gives the value again. */
function isClose(values: Float64Array, count: number, other: Float64Array, line: Line): boolean {
  let min = values[0];
  let max = min;
  let most = 0;
  for (let row = 0; row < count; row++) {
    const value = values[row];
    const rest = value - onLine(line, other[row]);
    if (rest + onLine(line, other[row]) !== value || !Number.isSafeInteger(value)) return false;
    if (Object.is(value, -0)) return false;
    if (value < min) min = value;
    if (value > max) max = value;
    if (Math.abs(rest) > most) most = Math.abs(rest);
  }
  return most * GAIN <= max - min;
}
