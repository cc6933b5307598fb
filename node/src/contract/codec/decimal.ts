import { LIMITS } from '../limits.ts';

/**
 * Decimal text to scaled integers, exactly: digit by digit, never through a float, in time linear in the text however
 * large its exponent is. The caller has checked the grammar: `-`, digits, at most one point and one exponent.
 */

/** What does not fit `LIMITS.scaledMax` comes back as Infinity, which no scaled integer is. */
export const TOO_LARGE = Number.POSITIVE_INFINITY;

const ZERO = 48;
const POINT = 46;
const MINUS = 45;
/** More digits than these are past `scaledMax` (16 digits) whatever they are. */
const MAX_DIGITS = 17;
/** An exponent is clamped here: every value that it could give is nought or too large already. */
const MAX_EXPONENT = 10_000_000;

/** Where the digits of a decimal text lie. The value is 0.d1d2d3… × 10^magnitude, with d1 not nought. */
export interface Digits {
  negative: boolean;
  /** Of the first digit that is not nought; -1 when the value is nought. */
  first: number;
  /** After the last byte of the mantissa. */
  end: number;
  magnitude: number;
}

export function locateDigits(bytes: Uint8Array, from: number, to: number): Digits {
  const negative = bytes[from] === MINUS;
  let first = -1;
  let point = -1;
  let at = negative ? from + 1 : from;
  for (; at < to; at++) {
    const byte = bytes[at];
    if (byte === POINT) point = at;
    else if (byte < ZERO || byte > ZERO + 9) break;
    else if (first < 0 && byte !== ZERO) first = at;
  }
  if (first < 0) return { negative, first, end: at, magnitude: 0 };
  const before = point < 0 ? at : point;
  const magnitude = first < before ? before - first : before - first + 1;
  return { negative, first, end: at, magnitude: magnitude + exponentOf(bytes, at, to) };
}

function exponentOf(bytes: Uint8Array, at: number, to: number): number {
  if (at >= to) return 0;
  const sign = bytes[at + 1];
  let exponent = 0;
  for (let next = at + (sign === MINUS || sign === 43 ? 2 : 1); next < to; next++) {
    exponent = Math.min(exponent * 10 + bytes[next] - ZERO, MAX_EXPONENT);
  }
  return sign === MINUS ? -exponent : exponent;
}

/** The value × 10^shift as an integer: cut towards nought, or rounded half away from it. Never -0. */
export function scaleDigits(bytes: Uint8Array, digits: Digits, shift: number, round: boolean): number {
  const keep = digits.magnitude + shift;
  if (digits.first < 0 || keep < 0) return 0;
  if (keep > MAX_DIGITS) return TOO_LARGE;
  let value = 0;
  let taken = 0;
  let at = digits.first;
  for (; taken < keep; taken++) {
    if (at < digits.end && bytes[at] === POINT) at++;
    value = value * 10 + (at < digits.end ? bytes[at] - ZERO : 0);
    at++;
  }
  if (at < digits.end && bytes[at] === POINT) at++;
  // Half or more away from nought is told by the next digit alone, whatever follows it.
  if (round && at < digits.end && bytes[at] >= ZERO + 5) value++;
  if (value > LIMITS.scaledMax) return TOO_LARGE;
  return digits.negative && value !== 0 ? -value : value;
}

export function scaledDecimal(bytes: Uint8Array, from: number, to: number, decimals: number): number {
  return scaleDigits(bytes, locateDigits(bytes, from, to), decimals, true);
}

/** More digits than these are a number of no use; they are cut, so that no text makes a product of any size. */
const PRODUCT_DIGITS = 40;

/** The value times digits / 10^places, rounded once: half away from nought. */
export function multipliedDecimal(
  bytes: Uint8Array,
  from: number,
  to: number,
  decimals: number,
  { digits: factor, places }: { digits: number; places: number },
): number {
  const digits = locateDigits(bytes, from, to);
  if (digits.first < 0) return 0;
  let text = '';
  for (let at = digits.first; at < digits.end && text.length < PRODUCT_DIGITS; at++)
    if (bytes[at] !== POINT) text += String.fromCharCode(bytes[at]);
  // The value is 0.text × 10^magnitude.
  const shift = digits.magnitude - text.length + decimals - places;
  if (shift > MAX_DIGITS) return TOO_LARGE;
  if (shift < -3 * PRODUCT_DIGITS) return 0;
  const product = BigInt(text) * BigInt(factor);
  const divisor = shift < 0 ? 10n ** BigInt(-shift) : 1n;
  const whole = shift < 0 ? (2n * product + divisor) / (2n * divisor) : product * 10n ** BigInt(shift);
  if (whole > BigInt(LIMITS.scaledMax)) return TOO_LARGE;
  return digits.negative && whole !== 0n ? -Number(whole) : Number(whole);
}

/** The value of a field, as its file says to keep it. */
export function scaledIn(
  bytes: Uint8Array,
  from: number,
  to: number,
  field: { decimals: number; multiplier?: { digits: number; places: number } | null },
): number {
  return field.multiplier
    ? multipliedDecimal(bytes, from, to, field.decimals, field.multiplier)
    : scaledDecimal(bytes, from, to, field.decimals);
}

/** A string that a number field takes as a number: digits with at most one point between them, zeros may lead. */
export function isStrictDecimal(bytes: Uint8Array, from: number, to: number): boolean {
  let at = bytes[from] === MINUS ? from + 1 : from;
  let digits = 0;
  let points = 0;
  for (; at < to; at++) {
    const byte = bytes[at];
    if (byte >= ZERO && byte <= ZERO + 9) digits++;
    else if (byte === POINT && points === 0 && digits > 0 && at + 1 < to) points++;
    else return false;
  }
  return digits > 0;
}
