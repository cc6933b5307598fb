import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Latency } from './latency.ts';

test('percentiles are within a bucket, about 6 %, of the sorted list', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 ** 31 }), { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const latency = new Latency();
        for (const value of values) latency.record(value);
        const exact = values.sort((a, b) => a - b)[Math.ceil(values.length * share) - 1];
        const told = Math.round(latency.percentileMs(share)! * 1000);
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThanOrEqual(exact * (1 + 1 / 16) + 1);
      },
    ),
  );
});

test('two histograms added are the histogram of both', () => {
  const [one, other, both] = [new Latency(), new Latency(), new Latency()];
  for (let value = 1; value < 100_000; value += 37) {
    (value % 2 === 0 ? one : other).record(value);
    both.record(value);
  }
  one.add(other);
  expect(one).toEqual(both);
});

test('nothing recorded has no percentile', () => {
  expect(new Latency().percentileMs(0.99)).toBeNull();
});
