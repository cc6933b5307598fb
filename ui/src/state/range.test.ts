import { expect, test } from 'vitest';
import { asSpan, bounds, spanMs, zoomTo } from './range.ts';

test('a relative range moves with time, and is asked by the board’s own clock', () => {
  const range = { kind: 'last', span: '6h' } as const;
  expect(bounds(range, 100_000_000)).toEqual({ from: 100_000_000 - 6 * 3_600_000, to: 100_000_000 });
  expect(asSpan(range)).toEqual({ from: '-6h', to: 'now' });
});

test('a range that stands does not', () => {
  const range = { kind: 'between', from: 5, to: 9 } as const;
  expect(bounds(range, 100)).toEqual({ from: 5, to: 9 });
  expect(asSpan(range)).toEqual({ from: '5', to: '9' });
});

test('a zoom is never narrower than two buckets', () => {
  expect(zoomTo(1_000, 1_001, 60_000)).toEqual({ kind: 'between', from: -58_999, to: 61_001 });
  expect(zoomTo(0, 600_000.4, 60_000)).toEqual({ kind: 'between', from: 0, to: 600_000 });
});

test.each([
  ['0m', null],
  ['5', null],
  ['1y', null],
  ['999999d', null],
  ['90m', 5_400_000],
])('%s is a span of %s', (span, ms) => {
  expect(spanMs(span)).toBe(ms);
});
