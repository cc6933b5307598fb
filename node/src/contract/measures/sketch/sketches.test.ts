import { DDSketch } from '@datadog/sketches-js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SketchKind } from '../kinds.ts';
import { mergeSketch } from './merge-sketch.ts';
import { binOf, QUANTILE_ERROR, QuantileSketch, quantileOf } from './quantile-sketch.ts';
import { hashNumber, hashText } from './stable-hash.ts';
import { drawOf, TEXTS_MAX, TOP_ERROR, TopSketch, topOf } from './top-sketch.ts';
import { LISTED_MAX, UNIQUE_ERROR, UniqueSketch, uniquesOf } from './unique-sketch.ts';

const account = () => ({ bytes: 0 });

function quantiles(values: number[]): Uint8Array | null {
  if (values.length === 0) return null;
  const sketch = new QuantileSketch(account());
  for (const value of values) sketch.add(binOf(value));
  return sketch.encode();
}

function uniques(values: number[]): Uint8Array | null {
  if (values.length === 0) return null;
  const sketch = new UniqueSketch(account());
  for (const value of values) sketch.add(hashNumber(value));
  return sketch.encode();
}

/** Values stand for readings: the text is what is left of the value by 1,000, the rest tells readings apart. */
function tops(values: number[]): Uint8Array | null {
  if (values.length === 0) return null;
  const sketch = new TopSketch(account());
  for (const value of values) {
    const text = textOf(value);
    sketch.add(text, hashText(text), drawOf(7, value, hashText(text)));
  }
  return sketch.encode();
}

const textOf = (value: number) => `text ${Math.floor(Math.abs(value) / 1000)}`;

/** Numbers that any seed gives the same way on every machine. */
function* noise(seed: number, count: number): Generator<number> {
  let state = seed;
  for (let left = count; left > 0; left--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const some = (seed: number, count: number, most: number) =>
  [...noise(seed, count)].map((part) => Math.floor(part * most));

const value = fc.oneof(
  fc.integer({ min: -100, max: 5000 }),
  fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
  fc.constantFrom(0, 2 ** 52, -(2 ** 52), 2 ** 32, 2 ** 31, 1, -1),
);

/** Short ones as they come, and long ones of a seed, past the bounds up to which sketches list what they hold. */
const values = fc.oneof(
  { weight: 4, arbitrary: fc.array(value, { maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(), fc.integer({ min: 60, max: 1500 }))
      .map(([seed, count]) => some(seed, count, 900_000)),
  },
);

const kinds: [SketchKind, (values: number[]) => Uint8Array | null][] = [
  ['quantiles', quantiles],
  ['uniques', uniques],
  ['tops', tops],
];

describe.each(kinds)('a sketch of %s', (kind, sketchOf) => {
  test('merges associatively and commutatively to the bytes of all its values in any order', () => {
    fc.assert(
      fc.property(values, values, values, (one, two, three) => {
        const [a, b, c] = [one, two, three].map(sketchOf);
        const merge = (x: Uint8Array | null, y: Uint8Array | null) => mergeSketch(kind, x, y);
        const whole = sketchOf([...two.toReversed(), ...three, ...one]);
        expect(merge(merge(a, b), c)).toEqual(whole);
        expect(merge(a, merge(b, c))).toEqual(whole);
        expect(merge(merge(c, a), b)).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  test('of three values takes few bytes', () => {
    expect(sketchOf([1200, 1300, 45_000])!.length).toBeLessThan(45);
  });

  test('of another version is refused', () => {
    const bytes = sketchOf([1, 2, 3])!.slice();
    bytes[0] = 2;
    expect(() => mergeSketch(kind, bytes, bytes)).toThrow('version 2');
  });

  test('says how much memory it holds, within a bound', () => {
    const held = account();
    const sketch =
      kind === 'quantiles' ? new QuantileSketch(held) : kind === 'uniques' ? new UniqueSketch(held) : null;
    const top = new TopSketch(held);
    for (const part of noise(3, 50_000)) {
      const all = Math.floor((part - 0.5) * 2 ** (part * 53));
      if (sketch instanceof QuantileSketch) sketch.add(binOf(all));
      else if (sketch instanceof UniqueSketch) sketch.add(hashNumber(all));
      else top.add(textOf(all), hashText(textOf(all)), drawOf(1, Math.abs(all), 5));
    }
    expect(held.bytes).toBeGreaterThan(0);
    expect(held.bytes).toBeLessThan(kind === 'tops' ? 70_000 : 16_000);
  });
});

test('the bytes of sketches are what they always were', () => {
  const hex = (bytes: Uint8Array | null) => Buffer.from(bytes!).toString('hex');
  expect([-7, 0, 3, 3, 1000, 2 ** 52].map((one) => binOf(one))).toEqual([-99, 0, 56, 56, 349, 1821]);
  expect(hex(quantiles([-7, 0, 3, 3, 1000]))).toBe('01bc21c4016f00c804');
  expect(hex(uniques([-7, 0, 3, 3, 2 ** 40]))).toBe('010083ebd987d707d7bdeed2bb0cebbadadb8b0bc4afefb643');
  expect(hex(tops([5000, 5001, 9000]))).toBe('01000206746578742035fd866a509f02067465787420399052ead45101');
});

describe('quantiles', () => {
  test('of every size of value are within the stated error', () => {
    for (let value = 1; value < 2 ** 52; value = Math.ceil(value * 1.0007))
      for (const signed of [value, -value]) {
        const found = quantileOf(quantiles([signed])!, 0.5);
        expect(Math.abs(found - signed) / value).toBeLessThan(QUANTILE_ERROR);
        if (value < 50) expect(found).toBe(signed);
      }
  });

  test('rise with the values', () => {
    let before = binOf(-(2 ** 52));
    for (let value = -(2 ** 52); value < 2 ** 52; value += Math.max(1, Math.floor(Math.abs(value) / 900))) {
      expect(binOf(value)).toBeGreaterThanOrEqual(before);
      before = binOf(value);
    }
  });

  test('agree with those of another implementation and with the exact ones', () => {
    const all = [...noise(11, 20_000)].map((part) => Math.floor(Math.exp(part * 14) * 10));
    const other = new DDSketch({ relativeAccuracy: QUANTILE_ERROR });
    for (const one of all) other.accept(one);
    const bytes = quantiles(all)!;
    const sorted = all.toSorted((a, b) => a - b);
    for (const q of [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999]) {
      const exact = sorted[Math.floor(q * (sorted.length - 1))];
      expect(Math.abs(quantileOf(bytes, q) - exact) / exact).toBeLessThan(QUANTILE_ERROR);
      const theirs = other.getValueAtQuantile(q);
      expect(Math.abs(quantileOf(bytes, q) - theirs) / theirs).toBeLessThan(2 * QUANTILE_ERROR);
    }
  });
});

describe('different values', () => {
  test('are counted exactly while they are few', () => {
    for (const count of [1, 2, 17, 100, LISTED_MAX]) {
      const all = Array.from({ length: count }, (_, at) => at * 10 - 50);
      expect(uniquesOf(uniques([...all, ...all])!)).toBe(count);
    }
  });

  test('are counted within the stated error when they are many', () => {
    const errors: number[] = [];
    for (let run = 0; run < 40; run++) {
      const count = Math.round(600 * 1.15 ** run);
      const bytes = uniques(Array.from({ length: count }, (_, at) => run * 1e9 + at))!;
      errors.push(uniquesOf(bytes) / count - 1);
    }
    // Forty counts: all within four standard errors, and their mean square near one.
    for (const error of errors) expect(Math.abs(error)).toBeLessThan(4 * UNIQUE_ERROR);
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
    expect(deviation).toBeLessThan(1.4 * UNIQUE_ERROR);
  });
});

describe('frequent texts', () => {
  test('are counted exactly while their texts are few', () => {
    const all = some(5, 4000, TEXTS_MAX * 1000);
    const counts = new Map<string, number>();
    for (const one of all) counts.set(textOf(one), (counts.get(textOf(one)) ?? 0) + 1);
    const expected = [...counts].sort(([s, n], [t, m]) => m - n || (s < t ? -1 : 1)).slice(0, 10);
    expect(topOf(tops(all)!, 10)).toEqual(
      expected.map(([text, count]) => ({ value: text, count, error: 0 })),
    );
  });

  test('of many are found when they are frequent, and counted within the stated error', () => {
    const readings = 60_000;
    const sketch = new TopSketch(account());
    const exact = new Map<string, number>();
    let time = 0;
    for (const part of noise(9, readings)) {
      // Five texts with 4 to 12 % of the readings, the rest over some 20,000 others.
      const text =
        part < 0.4 ? `often ${Math.floor((part / 0.4) ** 1.5 * 5)}` : `seldom ${Math.floor(part * 33_333)}`;
      exact.set(text, (exact.get(text) ?? 0) + 1);
      sketch.add(text, hashText(text), drawOf(1, time++, hashText(text)));
    }
    const found = topOf(sketch.encode(), 5);
    const expected = [...exact].sort((a, b) => b[1] - a[1]).slice(0, 5);
    expect(found.map(({ value }) => value)).toEqual(expected.map(([text]) => text));
    for (const { value, count, error } of found) {
      expect(error).toBe(Math.ceil(readings * TOP_ERROR));
      expect(count).toBeGreaterThanOrEqual(exact.get(value)!);
      expect(count).toBeLessThanOrEqual(exact.get(value)! + error);
    }
  });
});
