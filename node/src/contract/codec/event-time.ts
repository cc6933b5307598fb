import { isStrictDecimal, locateDigits, scaleDigits, TOO_LARGE } from './decimal.ts';

/**
 * Event times to epoch milliseconds. What cannot be one comes back as a negative code, since no time before 1990 is
 * taken. Anything finer than a millisecond is cut.
 */

export const TIME_MALFORMED = -1;
export const TIME_IMPOSSIBLE = -2;

/** 1990-01-01: no device that reports is older, and a clock that says so was never set. */
const EARLIEST_MS = 631_152_000_000;
const ZERO = 48;

/** Epoch seconds, milliseconds, microseconds or nanoseconds, told apart by magnitude: below 10^11, 10^14, 10^17. */
export function epochTime(bytes: Uint8Array, from: number, to: number): number {
  const digits = locateDigits(bytes, from, to);
  if (digits.first < 0 || digits.negative) return TIME_IMPOSSIBLE;
  const { magnitude } = digits;
  const shift = magnitude <= 11 ? 3 : magnitude <= 14 ? 0 : magnitude <= 17 ? -3 : -6;
  const ms = scaleDigits(bytes, digits, shift, false);
  return ms === TOO_LARGE || ms < EARLIEST_MS ? TIME_IMPOSSIBLE : ms;
}

/** The same for an integer that was read already, which is what devices send. HOT */
export function epochTimeOfInteger(value: number): number {
  const ms =
    value < 1e11
      ? value * 1000
      : value < 1e14
        ? value
        : value < 1e17
          ? Math.floor(value / 1000)
          : Math.floor(value / 1e6);
  return ms < EARLIEST_MS ? TIME_IMPOSSIBLE : ms;
}

/** A time in quotes: ISO 8601, or an epoch as a decimal. */
export function textTime(bytes: Uint8Array, from: number, to: number): number {
  return isStrictDecimal(bytes, from, to) ? epochTime(bytes, from, to) : isoTime(bytes, from, to);
}

/**
 * `2026-11-20T21:30:05.123+01:00`, with a blank for the T, without seconds, with any length of fraction; a zone of
 * `Z`, `±hh`, `±hhmm` or `±hh:mm`, and UTC without one. HOT
 */
export function isoTime(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length < 16 || length > 64 || bytes[from + 4] !== 45 || bytes[from + 7] !== 45) return TIME_MALFORMED;
  const join = bytes[from + 10];
  if ((join !== 84 && join !== 116 && join !== 32) || bytes[from + 13] !== 58) return TIME_MALFORMED;
  const year = two(bytes, from) * 100 + two(bytes, from + 2);
  const month = two(bytes, from + 5);
  const day = two(bytes, from + 8);
  const hour = two(bytes, from + 11);
  const minute = two(bytes, from + 14);
  // `two` answers NaN for what is no digit, and NaN goes through every sum.
  if (Number.isNaN(year + month + day + hour + minute)) return TIME_MALFORMED;
  const rest = clockRest(bytes, from + 16, to);
  if (rest < 0) return rest;
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59) {
    return TIME_IMPOSSIBLE;
  }
  // `clockRest` adds a day, so that its answer is never negative.
  const ms = (daysSinceEpoch(year, month, day) - 1) * 86_400_000 + (hour * 60 + minute) * 60_000 + rest;
  return ms < EARLIEST_MS ? TIME_IMPOSSIBLE : ms;
}

/** Milliseconds that seconds, fraction and zone add, plus one day; or a fault. */
function clockRest(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  let ms = 86_400_000;
  let late = false;
  if (at < to && bytes[at] === 58) {
    if (to - at < 3) return TIME_MALFORMED;
    const second = two(bytes, at + 1);
    if (Number.isNaN(second)) return TIME_MALFORMED;
    ms += second * 1000;
    late = second > 59;
    at += 3;
    if (at < to && (bytes[at] === 46 || bytes[at] === 44)) {
      const start = ++at;
      for (let unit = 100; at < to && isDigit(bytes[at]); at++, unit = Math.floor(unit / 10)) {
        ms += (bytes[at] - ZERO) * unit;
      }
      if (at === start) return TIME_MALFORMED;
    }
  }
  const zone = zoneMinutes(bytes, at, to);
  if (Number.isNaN(zone)) return TIME_MALFORMED;
  return late || Math.abs(zone) >= 1440 ? TIME_IMPOSSIBLE : ms - zone * 60_000;
}

/** NaN when it is none; 1440 when it is one that cannot be. */
function zoneMinutes(bytes: Uint8Array, at: number, to: number): number {
  if (at === to) return 0;
  const sign = bytes[at];
  if (sign === 90 || sign === 122) return at + 1 === to ? 0 : Number.NaN;
  if (sign !== 43 && sign !== 45) return Number.NaN;
  const length = to - at;
  const colon = length === 6 && bytes[at + 3] === 58;
  if (length !== 3 && length !== 5 && !colon) return Number.NaN;
  const hours = two(bytes, at + 1);
  const minutes = length === 3 ? 0 : two(bytes, colon ? at + 4 : at + 3);
  if (Number.isNaN(hours + minutes)) return Number.NaN;
  if (hours > 23 || minutes > 59) return 1440;
  return (sign === 45 ? -1 : 1) * (hours * 60 + minutes);
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

function two(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - ZERO;
  const ones = bytes[at + 1] - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the Gregorian calendar, with years that begin in March so that a leap day is the last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const monthFromMarch = month <= 2 ? month + 9 : month - 3;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((monthFromMarch * 153 + 2) / 5) + day - 1 - 719_468;
}
