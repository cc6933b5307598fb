import type { Series } from '@weir/node/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { forgetBefore, mergeSeries, newestWhole, type Table } from './table.ts';

const MINUTE = 60_000;
const ALWAYS = { from: 0, to: Number.POSITIVE_INFINITY };

const empty = (): Table => ({
  measure: 'kwh',
  unit: 'kWh',
  decimals: 3,
  stepMs: MINUTE,
  tierMs: MINUTE,
  watermark: null,
  lines: [],
});

const told = (by: Series['by'], buckets: [number, number][]): Series => ({
  by,
  time: buckets.map(([minute]) => minute * MINUTE),
  values: { kwh: buckets.map(([, value]) => value) },
  final: buckets.map(() => false),
  revision: buckets.map(() => 0),
});

const arbitraryChange = fc
  .tuple(
    fc.constantFrom('NY', 'CA', 'TX'),
    fc.uniqueArray(fc.tuple(fc.nat(40), fc.integer()), { selector: ([minute]) => minute, maxLength: 8 }),
  )
  .map(([state, buckets]) =>
    told(
      { state },
      buckets.sort((a, b) => a[0] - b[0]),
    ),
  );

describe('merging what changes', () => {
  test('any changes leave each line as a map of the newest figures, in order of time', () => {
    fc.assert(
      fc.property(fc.array(arbitraryChange, { maxLength: 30 }), (changes) => {
        const table = empty();
        const oracle = new Map<string, Map<number, number | null>>();
        for (const change of changes) {
          mergeSeries(table, [change], null, ALWAYS);
          const line = oracle.get(`${change.by.state}`) ?? new Map();
          oracle.set(`${change.by.state}`, line);
          change.time.forEach((time, i) => {
            line.set(time, change.values.kwh[i]);
          });
        }
        for (const line of table.lines) {
          const expected = [...oracle.get(`${line.by.state}`)!].sort((a, b) => a[0] - b[0]);
          expect(line.time.map((time, i) => [time, line.value[i]])).toEqual(expected);
          expect(line.final.length).toBe(line.time.length);
          expect(line.revision.length).toBe(line.time.length);
          expect(line.estimated.length).toBe(line.time.length);
        }
        expect(table.lines.length).toBe(oracle.size);
      }),
    );
  });

  test('an amended old bucket is replaced where it stands', () => {
    const table = empty();
    mergeSeries(
      table,
      [
        told({}, [
          [1, 10],
          [2, 20],
          [3, 30],
        ]),
      ],
      3 * MINUTE,
      ALWAYS,
    );
    mergeSeries(table, [told({}, [[2, 21]])], null, ALWAYS);
    expect(table.lines[0].value).toEqual([10, 21, 30]);
    expect(table.watermark).toBe(3 * MINUTE);
  });

  test('what lies outside the range that is shown is left out', () => {
    const table = empty();
    const span = { from: 2.5 * MINUTE, to: 4 * MINUTE };
    mergeSeries(
      table,
      [
        told({}, [
          [1, 10],
          [2, 20],
          [3, 30],
          [4, 40],
        ]),
      ],
      null,
      span,
    );
    expect(table.lines[0].time).toEqual([2 * MINUTE, 3 * MINUTE]);
  });

  test('a month of changes holds no more than the range', () => {
    const table = empty();
    for (let minute = 0; minute < 43_200; minute++) {
      mergeSeries(table, [told({}, [[minute, minute]])], minute * MINUTE, ALWAYS);
      forgetBefore(table, (minute - 60) * MINUTE);
    }
    expect(table.lines[0].time.length).toBeLessThan(65);
    expect(table.lines[0].value.length).toBe(table.lines[0].time.length);
  });

  test('members beyond the bound are not added', () => {
    const table = empty();
    for (let i = 0; i < 500; i++) mergeSeries(table, [told({ meter: `m-${i}` }, [[1, i]])], null, ALWAYS);
    expect(table.lines.length).toBe(60);
  });
});

test('the newest whole bucket is not the one that is filling', () => {
  const table = empty();
  mergeSeries(
    table,
    [
      told({}, [
        [1, 10],
        [2, 20],
        [3, 5],
      ]),
    ],
    3.5 * MINUTE,
    ALWAYS,
  );
  expect(newestWhole(table, table.lines[0])).toEqual({ time: 2 * MINUTE, value: 20 });
});
