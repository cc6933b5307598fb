import { parseDuration, parseInstant, WeirError } from '@weir/node/contract';
import { quoted } from '../fault/suggest.ts';

/** What a date can hold; a relative time reaches past it before its number ends. */
const MAX_INSTANT_MS = 8.64e15;

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
  const instant = parseInstant(text, now);
  if (instant !== null && Math.abs(instant) <= MAX_INSTANT_MS) return instant;
  throw new WeirError('WEIR_BAD_QUESTION', `${field} is not a time: ${quoted(text)}.`, {
    field,
    suggestion: 'Times are ISO 8601 (2026-01-31T12:00:00Z), epoch milliseconds, or relative such as -1h.',
  });
}

export function spanOrFault(field: string, text: string): number {
  const span = parseDuration(text) ?? (/^\d{1,15}$/.test(text) ? Number(text) : null);
  if (span !== null && span > 0) return span;
  throw new WeirError('WEIR_BAD_QUESTION', `${field} is not a duration: ${quoted(text)}.`, {
    field,
    suggestion: 'Durations are such as 5s, 15m, 1h, 30d, 4mo, 10y.',
  });
}
