/**
 * Durations and sizes as a person writes them: `5s 15m 1h 30d 4mo 10y`, `8GB`. Months and years are nominal here: a
 * year has 365.25 days and a month is its twelfth, so that twelve months are one year and no number of whole days
 * below 487 equals a number of months. Calendar months are the business of `calendar.ts`.
 */

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const YEAR_MS = 365.25 * DAY_MS;
export const MONTH_MS = YEAR_MS / 12;

/** Units from the largest on; formatting takes the first that divides, weeks aside. */
const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['y', YEAR_MS],
  ['mo', MONTH_MS],
  ['w', 7 * DAY_MS],
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
  ['s', SECOND_MS],
  ['ms', 1],
];

export const DURATION_PATTERN = '^[0-9]{1,9}(ms|s|m|h|d|w|mo|y)$';
const DURATION = new RegExp(DURATION_PATTERN);

/** Milliseconds, or null when the text is no duration. Whole numbers only: `90m`, not `1.5h`. */
export function parseDuration(text: string): number | null {
  const unit = DURATION.exec(text)?.[1];
  if (unit === undefined) return null;
  const count = Number(text.slice(0, -unit.length));
  const ms = count * unitMs(unit);
  return Number.isSafeInteger(ms) ? ms : null;
}

/** The shortest exact way to write it; what no unit divides is written in milliseconds. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const [name, width] of UNITS) {
    if (name !== 'w' && ms % width === 0) return `${ms / width}${name}`;
  }
  return `${ms}ms`;
}

function unitMs(unit: string): number {
  for (const [name, ms] of UNITS) if (name === unit) return ms;
  return Number.NaN;
}

const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['B', 1],
];

export const SIZE_PATTERN = '^[0-9]{1,9}([.][0-9]{1,3})?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$';
const SIZE = new RegExp(SIZE_PATTERN);

/** Bytes, or null when the text is no size. `8GB` is 8·10⁹ as disks are sold, `8GiB` is 8·2³⁰. */
export function parseSize(text: string): number | null {
  const unit = SIZE.exec(text)?.[2];
  if (unit === undefined) return null;
  for (const [name, scale] of SIZES) {
    if (name !== unit) continue;
    const bytes = Math.round(Number(text.slice(0, -unit.length)) * scale);
    return Number.isSafeInteger(bytes) ? bytes : null;
  }
  return null;
}

/** Decimal units; exact when one divides, else the whole number of bytes. */
export function formatSize(bytes: number): string {
  for (const [name, scale] of SIZES) {
    if (name.length <= 2 && bytes >= scale && bytes % scale === 0) return `${bytes / scale}${name}`;
  }
  return `${bytes}B`;
}

/** `60/h` as a number an hour, or null. The unit is the field's own. */
export const RATE_PATTERN = '^[0-9]{1,12}([.][0-9]{1,9})?/(s|m|h|d)$';
const RATE = new RegExp(RATE_PATTERN);

export function parseRatePerHour(text: string): number | null {
  const unit = RATE.exec(text)?.[2];
  if (unit === undefined) return null;
  return Number(text.slice(0, text.indexOf('/'))) * (HOUR_MS / unitMs(unit));
}
