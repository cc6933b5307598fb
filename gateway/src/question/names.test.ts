import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { didYouMean, nearest, quoted } from '../fault/suggest.ts';
import { FAKE_SITE } from '../testing/fake-site.ts';
import { listOf, mustBeKept, whereOf } from './names.ts';

const [electricity] = FAKE_SITE.streams;
const [usage] = FAKE_SITE.rollups;
const escaped = (value: string): string => value.replace(/[\\,]/g, '\\$&');

describe('values between commas', () => {
  test('any values come back as they were, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (values) => {
        const text = values.map(escaped).join(',');
        expect(listOf(text)).toEqual(text === '' ? [] : values);
        expect(whereOf({ 'where.state': text }, electricity)).toEqual({ state: values });
      }),
    );
  });

  test('a filter that is given twice filters by the values of both', () => {
    expect(whereOf({ 'where.state': ['NY,CA', 'TX'] }, electricity)).toEqual({ state: ['NY', 'CA', 'TX'] });
  });

  test('an empty filter asks for the empty text', () => {
    expect(whereOf({ 'where.state': '' }, electricity)).toEqual({ state: [''] });
  });

  test('a filter of more values than the bound is refused', () => {
    const text = Array(1_001).fill('x').join(',');
    expect(() => whereOf({ 'where.state': text }, electricity)).toThrow(/more than 1000/);
  });
});

describe('what a rollup keeps', () => {
  test('a group-by that has every field asked for is enough', () => {
    expect(() => mustBeKept(usage, [], { meter: ['m-0001'] })).not.toThrow();
    expect(() => mustBeKept(usage, ['state'], { state: ['NY'] })).not.toThrow();
    expect(() => mustBeKept(usage, ['state'], { meter: ['m-0001'] })).toThrow(
      /keeps \[meter\], \[state\], \[\]/,
    );
  });
});

describe('suggestions', () => {
  test.each([
    ['usgae', 'usage'],
    ['USAGE', 'usage'],
    ['usag', 'usage'],
    ['gaz', 'gas'],
    ['xyz', undefined],
    ['x'.repeat(10_000), undefined],
  ])('%s is nearest to %s', (typed, expected) => {
    expect(nearest(typed, ['usage', 'gas', 'water'])).toBe(expected);
  });

  test('without a near name the known ones are listed, up to a bound', () => {
    expect(didYouMean('xyz', [])).toBe('There are none.');
    const many = Array.from({ length: 30 }, (_, i) => `name${i}`);
    expect(didYouMean('xyz', many)).toMatch(/name11, …\.$/);
  });

  test('what was typed is never longer than its bound, nor does it hold control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (typed) => {
        const text = quoted(typed);
        expect(text.length).toBeLessThanOrEqual(2 + 6 * 65);
        expect(text).not.toMatch(/\p{Cc}|[\u2028-\u202e]/u);
      }),
    );
  });
});
