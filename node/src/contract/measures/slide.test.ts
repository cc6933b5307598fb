import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tierBoundaries } from './boundaries.ts';
import { type Buckets, clearBucket, newBuckets } from './buckets.ts';
import { encodeChunk } from './chunk.ts';
import { type AccumulatorKind, COMMON_LANES, ROWS } from './kinds.ts';
import { mergeBucket } from './merge.ts';
import { slide, slideAmounts } from './slide.ts';

const KINDS: AccumulatorKind[] = ['sum', 'last', 'max'];
const HOUR_MS = 3_600_000;
/** The clocks of Berlin go back on this day. */
const BASE = Date.UTC(2026, 9, 24, 12);

const boundaries = tierBoundaries('Europe/Berlin', 6 * HOUR_MS);

/** Some of the steps, ascending, each with a value. */
const steps = fc
  .uniqueArray(fc.record({ step: fc.integer({ min: 0, max: 40 }), value: fc.integer({ min: 0, max: 99 }) }), {
    selector: (one) => one.step,
    maxLength: 20,
  })
  .map((some) => some.sort((a, b) => a.step - b.step));

function bucketsOf(some: { step: number; value: number }[], starts: number[]): Buckets {
  const buckets = newBuckets(KINDS, some.length);
  for (const { step, value } of some) {
    const at = buckets.n++;
    clearBucket(buckets, at, starts[step]);
    buckets.lanes[ROWS][at] = 1;
    buckets.lanes[COMMON_LANES + 1][at] = value;
    buckets.lanes[COMMON_LANES + 2][at] = value;
    buckets.lanes[COMMON_LANES + 3][at] = value;
    buckets.lanes[COMMON_LANES + 4][at] = value;
  }
  return buckets;
}

test('a window is the merge of its steps, also over a day of 25 hours', () => {
  const starts = [boundaries.start(BASE)];
  while (starts.length < 60) starts.push(boundaries.end(starts[starts.length - 1]));
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 9, max: 30 }),
      fc.nat(15),
      (some, count, first, length) => {
        const buckets = bucketsOf(some, starts);
        const from = starts[first] + 5;
        const to = starts[first + length] + 6;
        const expected = newBuckets(KINDS, 60);
        const sums = new Map<number, number>();
        for (let end = first; end <= first + length; end++) {
          const within = some
            .map((one, at) => ({ ...one, at }))
            .filter(({ step }) => step > end - count && step <= end);
          if (within.length === 0) continue;
          clearBucket(expected, expected.n, starts[end]);
          for (const { at } of within)
            mergeBucket(expected, expected.n, buckets, at, buckets.starts[at] - starts[end - count + 1]);
          expected.n++;
          sums.set(
            starts[end],
            within.reduce((sum, { value }) => sum + value, 0),
          );
        }
        expect(encodeChunk(slide(buckets, boundaries, count, from, to))).toEqual(encodeChunk(expected));
        const amounts = new Map(some.map(({ step, value }) => [starts[step], value]));
        expect(slideAmounts(amounts, boundaries, count, from, to)).toEqual(sums);
      },
    ),
  );
});
