import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { multipliedDecimal, TOO_LARGE } from './decimal.ts';

function multiplied(text: string, decimals: number, digits: number, places: number): number {
  const bytes = new TextEncoder().encode(text);
  return multipliedDecimal(bytes, 0, bytes.length, decimals, { digits, places });
}

/** With BigInt alone: the text as digits / 10^fraction, rounded half away from nought. */
function expected(text: string, decimals: number, digits: number, places: number): number {
  const [mantissa, exponent = '0'] = text.replace(/^-/, '').split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  const shift = Number(exponent) - fraction.length + decimals - places;
  const product = BigInt(whole + fraction) * BigInt(digits);
  const scale = 10n ** BigInt(Math.abs(shift));
  const value = shift >= 0 ? product * scale : (2n * product + scale) / (2n * scale);
  if (value > BigInt(LIMITS.scaledMax)) return TOO_LARGE;
  return text.startsWith('-') && value !== 0n ? -Number(value) : Number(value);
}

test('a number is multiplied exactly and rounded once', () => {
  const text = fc
    .tuple(fc.boolean(), fc.nat(), fc.option(fc.nat()), fc.option(fc.integer({ min: -12, max: 6 })))
    .map(
      ([minus, whole, fraction, exponent]) =>
        `${minus ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
    );
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 1, max: 1e9 }),
      fc.nat(9),
      (given, decimals, digits, places) => {
        expect(multiplied(given, decimals, digits, places)).toBe(expected(given, decimals, digits, places));
      },
    ),
  );
});

test('the multiplier comes before the rounding, and long texts have a bound', () => {
  expect(multiplied('1.2345', 3, 1000, 0)).toBe(1_234_500);
  expect(multiplied('12', 3, 1, 3)).toBe(12);
  expect(multiplied('0.0', 3, 5, 0)).toBe(0);
  expect(multiplied('9'.repeat(5000), 3, 5, 0)).toBe(TOO_LARGE);
  expect(multiplied(`0.${'0'.repeat(5000)}9`, 3, 5, 0)).toBe(0);
});
