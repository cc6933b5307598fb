import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Buckets, clearBucket, newBuckets } from './buckets.ts';
import { decodeChunk, decodeChunks, encodeChunk, mergeChunks, startsOf } from './chunk.ts';
import {
  type AccumulatorKind,
  COMMON_LANES,
  FIRST_CORR,
  FIRST_T,
  FIRST_V,
  KIND_LANES,
  LAST_T,
  LAST_V,
  LATE,
  LIMB,
  LONG_AMOUNT,
  LONG_MS,
  RESETS,
  REST,
  REVISION,
  ROWS,
} from './kinds.ts';
import { addLimbs, addSquares, coarsen, mergeAll } from './merge.ts';
import { binOf, QuantileSketch } from './sketch/quantile-sketch.ts';
import { hashNumber } from './sketch/stable-hash.ts';
import { UniqueSketch } from './sketch/unique-sketch.ts';

const KINDS: AccumulatorKind[] = [
  'present',
  'sum',
  'min',
  'max',
  'first',
  'last',
  'register',
  'share',
  'quality',
  'repeats',
  'squares',
  'quantiles',
  'area',
  'uniques',
];
const WIDTH = 60_000;

/** What one reading puts into a bucket. */
interface Drop {
  bucket: number;
  offset: number;
  value: number;
  corr: number;
  late: boolean;
}

const drop: fc.Arbitrary<Drop> = fc.record({
  bucket: fc.integer({ min: -2, max: 6 }),
  offset: fc.integer({ min: 0, max: 5 }).map((n) => n * 11_999),
  value: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -(2 ** 52), max: 2 ** 52 })),
  corr: fc.oneof(fc.constant(0), fc.integer({ min: -(2 ** 52), max: 2 ** 52 })),
  late: fc.boolean(),
});

function bucketOf({ bucket, offset, value, corr, late }: Drop): Buckets {
  const one = newBuckets(KINDS, 1);
  clearBucket(one, 0, bucket * WIDTH);
  one.n = 1;
  const lanes = one.lanes;
  lanes[ROWS][0] = 1;
  lanes[LATE][0] = late ? 1 : 0;
  lanes[REVISION][0] = late ? 1 : 0;
  let lane = COMMON_LANES;
  for (const kind of KINDS) {
    if (kind === 'present') lanes[lane][0] = 1;
    else if (kind === 'sum') addLimbs(lanes, lane, 0, 0, value);
    else if (kind === 'share' || kind === 'area') addLimbs(lanes, lane, 0, 0, corr);
    else if (kind === 'repeats') lanes[lane][0] = late ? 1 : 0;
    else if (kind === 'quality') {
      addLimbs(lanes, lane + LONG_AMOUNT, 0, 0, corr);
      addLimbs(lanes, lane + LONG_MS, 0, 0, offset);
      lanes[lane + RESETS][0] = late ? 2 : 0;
    } else if (kind === 'squares')
      addSquares(lanes, lane, 0, 3, Math.abs(value) % LIMB, Math.abs(corr) % LIMB);
    else if (kind === 'quantiles') one.sketches[0][0] = quantilesOf(value);
    else if (kind === 'uniques') one.sketches[1][0] = uniquesOf(value);
    else if (kind === 'min' || kind === 'max') lanes[lane][0] = value;
    else if (kind === 'register') {
      lanes[lane + FIRST_T][0] = lanes[lane + LAST_T][0] = offset;
      lanes[lane + FIRST_V][0] = lanes[lane + LAST_V][0] = value;
      addLimbs(lanes, lane + FIRST_CORR, 0, 0, corr);
      addLimbs(lanes, lane + REST, 0, 0, late ? corr : 0);
    } else {
      lanes[lane][0] = offset;
      lanes[lane + 1][0] = value;
    }
    lane += KIND_LANES[kind];
  }
  return one;
}

function quantilesOf(value: number): Uint8Array {
  const sketch = new QuantileSketch({ bytes: 0 });
  sketch.add(binOf(value));
  return sketch.encode();
}

function uniquesOf(value: number): Uint8Array {
  const sketch = new UniqueSketch({ bytes: 0 });
  sketch.add(hashNumber(value));
  return sketch.encode();
}

const chunkOf = (drops: Drop[]) =>
  encodeChunk(drops.length === 0 ? newBuckets(KINDS, 0) : mergeAll(drops.map(bucketOf)));
const drops = fc.array(drop, { maxLength: 12 });
const empty = encodeChunk(newBuckets(KINDS, 0));

describe('the merge of chunks', () => {
  test('is associative and commutative, and an empty chunk changes nothing, to the byte', () => {
    fc.assert(
      fc.property(drops, drops, drops, (one, two, three) => {
        const [a, b, c] = [chunkOf(one), chunkOf(two), chunkOf(three)];
        const all = mergeChunks([a, b, c]);
        expect(mergeChunks([mergeChunks([a, b]), c])).toEqual(all);
        expect(mergeChunks([a, mergeChunks([b, c])])).toEqual(all);
        expect(mergeChunks([c, a, b])).toEqual(all);
        expect(mergeChunks([a, empty])).toEqual(a);
        expect(chunkOf([...three, ...one, ...two])).toEqual(all);
      }),
    );
  });

  test('commutes with making the buckets wider', () => {
    const wide = {
      start: (t: number) => Math.floor(t / (5 * WIDTH)) * 5 * WIDTH,
      end: (s: number) => s + 5 * WIDTH,
    };
    fc.assert(
      fc.property(drops, drops, (one, two) => {
        const a = decodeChunk(chunkOf(one));
        const b = decodeChunk(chunkOf(two));
        const first = encodeChunk(coarsen(mergeAll([a, b]), wide));
        expect(encodeChunk(mergeAll([coarsen(a, wide), coarsen(b, wide)]))).toEqual(first);
      }),
    );
  });

  test('keeps sums exact where doubles would not', () => {
    fc.assert(
      fc.property(
        fc.array(
          drop.map((one) => ({ ...one, bucket: 0 })),
          { minLength: 1, maxLength: 30 },
        ),
        (all) => {
          const lanes = decodeChunk(chunkOf(all)).lanes;
          const lane = COMMON_LANES + 1;
          const found = BigInt(lanes[lane][0]) * 2n ** 40n + BigInt(lanes[lane + 1][0]);
          expect(found).toBe(all.reduce((sum, one) => sum + BigInt(one.value), 0n));
        },
      ),
    );
  });
});

describe('a chunk', () => {
  test('comes back as it was written, alone and behind another', () => {
    fc.assert(
      fc.property(drops, drops, (one, two) => {
        const [a, b] = [chunkOf(one), chunkOf(two)];
        expect(encodeChunk(decodeChunk(a))).toEqual(a);
        const both = decodeChunks(Uint8Array.of(...a, ...b));
        expect(both.map((part) => encodeChunk(part))).toEqual([a, b]);
        expect([...startsOf(a)]).toEqual([...decodeChunk(a).starts]);
      }),
    );
  });

  test('of a meter with a register, a mean and a peak takes some 15 bytes a bucket', () => {
    const kinds: AccumulatorKind[] = ['register', 'present', 'sum', 'max'];
    const n = 120;
    const buckets = newBuckets(kinds, n);
    for (let at = 0; at < n; at++) {
      clearBucket(buckets, at, at * WIDTH);
      const values = [12, 0, 0, 1234 + ((at * 37) % 500), 100_000 + at * 150, 59_000, 100_137 + at * 150];
      values.push(0, 0, 0, 0, 12, 0, 6000 + ((at * 7919) % 900), 800 + ((at * 31) % 90));
      for (let lane = 0; lane < values.length; lane++) buckets.lanes[lane][at] = values[lane];
    }
    buckets.n = n;
    expect(encodeChunk(buckets).length / n).toBeLessThan(16);
  });

  test('of another version or an unknown kind is refused', () => {
    expect(() => decodeChunk(Uint8Array.of(9, 0, 0))).toThrow('version');
    expect(() => decodeChunk(Uint8Array.of(1, 1, 99, 0))).toThrow('kind');
    expect(() => decodeChunk(chunkOf([]).subarray(0, 3))).toThrow('ends');
  });
});
