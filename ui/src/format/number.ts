/** Numbers as people read them: grouped, with the digits that tell something, in the browser's own language. */

const plain = new Map<string, Intl.NumberFormat>();

function formatter(digits: number, least = 0): Intl.NumberFormat {
  const key = `${least}.${digits}`;
  let found = plain.get(key);
  if (!found) {
    found = new Intl.NumberFormat(navigator.language, {
      minimumFractionDigits: least,
      maximumFractionDigits: digits,
    });
    plain.set(key, found);
  }
  return found;
}

export const NO_VALUE = '–';

/** Four digits or so, so that figures below each other line up, and never more decimals than the field is kept with. */
export function formatValue(value: number | null, decimals = 6): string {
  if (value === null || !Number.isFinite(value)) return NO_VALUE;
  const size = Math.abs(value);
  if (size === 0) return formatter(0).format(0);
  const wanted =
    size >= 1_000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 3 + Math.floor(-Math.log10(size));
  const digits = Math.max(0, Math.min(wanted, decimals, 12));
  return formatter(digits, digits).format(value);
}

export const withUnit = (text: string, unit: string): string => (unit === '' ? text : `${text}\u00a0${unit}`);

/** To the cent, and further where a cent is much. */
export function formatMoney(value: number, currency: string): string {
  const size = Math.abs(value);
  const digits = size > 0 && size < 0.1 ? 4 : 2;
  return withUnit(formatter(digits, digits).format(value), currency);
}

export const formatCount = (value: number): string => formatter(0).format(value);

/** Labels of an axis share their decimals, which the distance between them asks for. */
export function axisLabels(splits: readonly number[]): string[] {
  const gap = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : 1;
  const top = Math.max(...splits.map(Math.abs), 0);
  if (top >= 100_000) return splits.map((value) => compact(value));
  const digits =
    gap >= 1 && gap % 1 === 0
      ? 0
      : Math.min(10, Math.max(0, Math.ceil(-Math.log10(gap) - 1e-9)) + (isWhole(gap) ? 0 : 1));
  return splits.map((value) => formatter(digits, digits).format(value));
}

/** Whether a distance is 1, 2 or 5 times a power of ten, and needs no digit beyond its own. */
function isWhole(gap: number): boolean {
  const lead = gap / 10 ** Math.floor(Math.log10(gap) + 1e-9);
  return Math.abs(lead - Math.round(lead)) < 1e-6;
}

const compactFormat = new Intl.NumberFormat(navigator.language, {
  notation: 'compact',
  maximumFractionDigits: 2,
});
const compact = (value: number): string => compactFormat.format(value);

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export function formatBytes(bytes: number): string {
  let at = 0;
  let value = bytes;
  while (value >= 999.5 && at < BYTE_UNITS.length - 1) {
    value /= 1_000;
    at++;
  }
  const digits = at === 0 || value >= 99.95 ? 0 : 1;
  return `${formatter(digits).format(value)}\u00a0${BYTE_UNITS[at]}`;
}
