import { describe, expect, test } from 'vitest';
import { columnsOf, readingAt } from './columns.ts';
import type { Line, Table } from './table.ts';

const STEP = 10;

type Bucket = [time: number, value: number | null, final?: boolean, estimated?: number];

function line(buckets: Bucket[]): Line {
  return {
    key: JSON.stringify(buckets),
    by: {},
    time: buckets.map(([time]) => time),
    value: buckets.map(([, value]) => value),
    final: buckets.map(([, , final]) => final ?? true),
    revision: buckets.map(() => 0),
    estimated: buckets.map(([, , , estimated]) => estimated ?? 0),
  };
}

const tableOf = (lines: Line[], watermark = 1_000): Table => ({
  measure: 'kwh',
  unit: 'kWh',
  decimals: 3,
  stepMs: STEP,
  tierMs: STEP,
  watermark,
  lines,
});

const OPTIONS = { nowMs: 1_000, additive: true, latenessMs: 500 };

describe('columns of the chart', () => {
  test('silence is a gap and never a zero', () => {
    const { x, lines } = columnsOf(
      tableOf([
        line([
          [0, 1],
          [10, 2],
          [50, 3],
        ]),
      ]),
      OPTIONS,
    );
    expect(x).toEqual([0, 10, 20, 50]);
    expect(lines[0].settled).toEqual([1, 2, null, 3]);
  });

  test('a bucket without a figure is a gap too', () => {
    const { lines } = columnsOf(
      tableOf([
        line([
          [0, 1],
          [10, null],
          [20, 3],
        ]),
      ]),
      OPTIONS,
    );
    expect(lines[0].settled).toEqual([1, null, 3]);
  });

  test('what is mostly estimated is a line of its own, that joins those beside it', () => {
    const table = tableOf(
      [
        line([
          [0, 1],
          [10, 2, true, 0.4],
          [20, 3, true, 0.6],
          [30, 4, true, 1],
          [40, 5],
          [50, 6, false, 1],
          [60, 7, false],
        ]),
      ],
      70,
    );
    const [drawn] = columnsOf(table, { nowMs: 70, additive: true, latenessMs: 500 }).lines;
    expect(drawn.settled).toEqual([1, 2, null, null, 5, null, null]);
    expect(drawn.guessed).toEqual([null, 2, 3, 4, 5, 6, 7]);
    expect(drawn.moving).toEqual([null, null, null, null, null, 6, 7]);
    expect(readingAt(table, table.lines[0], 20, OPTIONS).estimated).toBe(0.6);
  });

  test('a local day of 25 hours is no gap', () => {
    const { x } = columnsOf(
      tableOf([
        line([
          [0, 1],
          [10.4, 2],
        ]),
      ]),
      OPTIONS,
    );
    expect(x).toEqual([0, 10.4]);
  });

  test('what is not final is drawn apart, joined to what is', () => {
    const table = tableOf(
      [
        line([
          [0, 1],
          [10, 2],
          [20, 3, false],
          [30, 4, false],
        ]),
      ],
      40,
    );
    const { lines } = columnsOf(table, OPTIONS);
    expect(lines[0].settled).toEqual([1, 2, null, null]);
    expect(lines[0].moving).toEqual([null, 2, 3, 4]);
  });

  test('a bucket becomes final when the watermark has passed its lateness, told or not', () => {
    const table = tableOf(
      [
        line([
          [0, 1, false],
          [10, 2, false],
        ]),
      ],
      511,
    );
    const { lines } = columnsOf(table, OPTIONS);
    expect(lines[0].settled).toEqual([1, null]);
  });

  test('the bucket that fills stands alone where a measure grows, and in the line where it does not', () => {
    const table = tableOf(
      [
        line([
          [0, 9],
          [10, 1, false],
        ]),
      ],
      15,
    );
    const grows = columnsOf(table, OPTIONS).lines[0];
    expect([grows.settled, grows.moving, grows.filling]).toEqual([
      [9, null],
      [null, null],
      [null, 1],
    ]);
    const gauge = columnsOf(table, { ...OPTIONS, additive: false }).lines[0];
    expect([gauge.moving, gauge.filling]).toEqual([
      [9, 1],
      [null, null],
    ]);
  });

  test('lines with other times share one axis', () => {
    const { x, lines } = columnsOf(
      tableOf([
        line([
          [0, 1],
          [20, 3],
        ]),
        line([[10, 2]]),
      ]),
      OPTIONS,
    );
    expect(x).toEqual([0, 10, 20]);
    expect(lines.map((one) => one.settled)).toEqual([
      [1, null, 3],
      [null, 2, null],
    ]);
  });

  test('nothing at all is no columns', () => {
    expect(columnsOf(tableOf([]), OPTIONS)).toEqual({ x: [], stepMs: STEP, lines: [] });
    expect(columnsOf(tableOf([line([])]), OPTIONS).x).toEqual([]);
  });
});

test('a reading under the cursor says how sure it is', () => {
  const table = tableOf(
    [
      line([
        [0, 1],
        [10, 2, false],
        [20, 3, false],
      ]),
    ],
    25,
  );
  const state = (time: number) => readingAt(table, table.lines[0], time, OPTIONS).state;
  expect([0, 10, 20, 30].map(state)).toEqual(['final', 'moving', 'filling', 'none']);
});
