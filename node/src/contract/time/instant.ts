import { parseDuration } from './duration.ts';

/** The range of instants that a date can hold in ECMAScript: ± 8.64e15 ms. */
export const INSTANT_MAX_MS = 8.64e15;

const ISO =
  /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d\d(?::?\d\d)?)?)?$/;

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Epoch milliseconds of an ISO 8601 date or date and time, or null. Strict where `Date.parse` is not: 30 February,
 * hour 24 and an offset of 99 hours are no instants. Without an offset it is UTC; a leap second counts as the second
 * after it; digits past the millisecond are cut.
 */
export function parseIso(text: string): number | null {
  // The length comes first, so that a long untrusted text costs nothing.
  if (text.length > 40) return null;
  const parts = ISO.exec(text);
  if (parts === null || parts[1] === '-000000') return null;
  const year = Number(parts[1]);
  const month = Number(parts[2]);
  const day = Number(parts[3]);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  const hour = Number(parts[4] ?? 0);
  const minute = Number(parts[5] ?? 0);
  const second = Number(parts[6] ?? 0);
  if (hour > 23 || minute > 59 || second > 60) return null;
  const offsetMs = parseOffset(parts[8]);
  if (offsetMs === null) return null;
  const millis = Number((parts[7] ?? '').padEnd(3, '0').slice(0, 3));
  const ms =
    (daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * 1000 +
    millis -
    offsetMs;
  return Math.abs(ms) <= INSTANT_MAX_MS ? ms : null;
}

function parseOffset(text: string | undefined): number | null {
  if (text === undefined || text === 'Z' || text === 'z') return 0;
  const digits = text.slice(1).replace(':', '');
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2) || 0);
  if (hours > 23 || minutes > 59) return null;
  return (text[0] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

export function daysInMonth(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : MONTH_DAYS[month - 1];
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar; eras of 400 years have the same 146,097 days. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/**
 * An instant as a query parameter gives it: `now`, relative to it (`-1h`, `+5m`, `now-1h`), epoch milliseconds, or
 * ISO 8601. The caller passes the present, because the contract reads no clock.
 */
export function parseInstant(text: string, nowMs: number): number | null {
  if (text === 'now') return nowMs;
  // In a query string an unescaped plus arrives as a blank.
  const relative = /^(?:now)?([ +-])(\d.{0,20})$/.exec(text);
  const spanMs = relative === null ? null : parseDuration(relative[2]);
  if (relative !== null && spanMs !== null) return relative[1] === '-' ? nowMs - spanMs : nowMs + spanMs;
  if (/^-?\d{1,16}$/.test(text) && !/^\d{4}$/.test(text)) {
    const ms = Number(text);
    return Math.abs(ms) <= INSTANT_MAX_MS ? ms : null;
  }
  return parseIso(text);
}
