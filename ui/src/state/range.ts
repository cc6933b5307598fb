/** The span that the page shows: one that moves with time, or one that stands. */
export type Range = { kind: 'last'; span: string } | { kind: 'between'; from: number; to: number };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const PRESETS: { span: string; label: string; ms: number }[] = [
  { span: '15m', label: '15 minutes', ms: 15 * MINUTE_MS },
  { span: '1h', label: '1 hour', ms: HOUR_MS },
  { span: '6h', label: '6 hours', ms: 6 * HOUR_MS },
  { span: '24h', label: '24 hours', ms: DAY_MS },
  { span: '7d', label: '7 days', ms: 7 * DAY_MS },
  { span: '30d', label: '30 days', ms: 30 * DAY_MS },
];

export const DEFAULT_RANGE: Range = { kind: 'last', span: '1h' };

const UNITS: Record<string, number> = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };
const LONGEST_MS = 3_660 * DAY_MS;

/** Null when it is no span of minutes, hours or days, or longer than ten years. */
export function spanMs(span: string): number | null {
  const match = /^(\d{1,6})([mhd])$/.exec(span);
  if (!match) return null;
  const ms = Number(match[1]) * UNITS[match[2]];
  return ms > 0 && ms <= LONGEST_MS ? ms : null;
}

export function bounds(range: Range, nowMs: number): { from: number; to: number } {
  if (range.kind === 'between') return { from: range.from, to: range.to };
  return { from: nowMs - (spanMs(range.span) ?? HOUR_MS), to: nowMs };
}

export const isMoving = (range: Range): boolean => range.kind === 'last';

/** As a question gives it: relative ranges stay relative, so that the board's clock decides and not this screen's. */
export function asSpan(range: Range): { from: string; to: string } {
  if (range.kind === 'last') return { from: `-${range.span}`, to: 'now' };
  return { from: `${range.from}`, to: `${range.to}` };
}

export function sameRange(a: Range, b: Range): boolean {
  if (a.kind === 'last') return b.kind === 'last' && a.span === b.span;
  return b.kind === 'between' && a.from === b.from && a.to === b.to;
}

/** A dragged part, never narrower than two buckets of the finest tier: less would show nothing. */
export function zoomTo(from: number, to: number, finestMs: number): Range {
  const least = 2 * finestMs;
  const middle = (from + to) / 2;
  if (to - from >= least) return { kind: 'between', from: Math.round(from), to: Math.round(to) };
  return { kind: 'between', from: Math.round(middle - least / 2), to: Math.round(middle + least / 2) };
}
