import { WeirError } from '@weir/node/contract';
import { quoted } from '../fault/suggest.ts';

const UNIT_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  mo: 30.4375 * 86_400_000,
  y: 365.25 * 86_400_000,
};
/** The last day that a Date can hold. */
const MAX_MS = 8.64e15;

export function durationOf(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d|w|mo|y)$/.exec(text);
  return match ? Number(match[1]) * UNIT_MS[match[2]] : null;
}

/** ISO 8601, epoch ms, `now`, or relative to now such as `-1h`. */
export function instantOf(text: string, now: number): number | null {
  if (text === 'now') return now;
  const relative = /^([+-])(\d{1,9}[a-z]{1,2})$/.exec(text);
  if (relative) {
    const span = durationOf(relative[2]);
    return span === null ? null : Math.round(relative[1] === '-' ? now - span : now + span);
  }
  if (/^-?\d{1,16}$/.test(text)) return Math.abs(Number(text)) <= MAX_MS ? Number(text) : null;
  if (!/^\d{4}-\d\d/.test(text)) return null;
  // A space stands where a client forgot to encode the plus of an offset.
  const time = Date.parse(text.replace(/ (\d\d:?\d\d)$/, '+$1'));
  return Number.isNaN(time) ? null : time;
}

export interface Range {
  from: number;
  to: number;
}

export function rangeOf(given: { from?: string; to?: string }, now: number, defaultFrom: string): Range {
  const to = instantOrFault('to', given.to ?? 'now', now);
  const from = instantOrFault('from', given.from ?? defaultFrom, now);
  if (from >= to) {
    throw new WeirError('WEIR_BAD_QUESTION', 'The range is empty: from is not before to.', {
      field: 'from',
      suggestion: 'from=-24h&to=now asks for the last day.',
    });
  }
  return { from, to };
}

export function instantOrFault(field: string, text: string, now: number): number {
  const instant = instantOf(text, now);
  if (instant !== null) return instant;
  throw new WeirError('WEIR_BAD_QUESTION', `${field} is not a time: ${quoted(text)}.`, {
    field,
    suggestion: 'Times are ISO 8601 (2026-01-31T12:00:00Z), epoch milliseconds, or relative such as -1h.',
  });
}

export function spanOrFault(field: string, text: string): number {
  const span = durationOf(text) ?? (/^\d{1,15}$/.test(text) ? Number(text) : null);
  if (span !== null && span > 0) return span;
  throw new WeirError('WEIR_BAD_QUESTION', `${field} is not a duration: ${quoted(text)}.`, {
    field,
    suggestion: 'Durations are such as 5s, 15m, 1h, 30d, 4mo, 10y.',
  });
}
