import { describe, expect, test } from 'vitest';
import type { RollupAnswer, Series } from '../api/answers.ts';
import { parseSite } from '../site/parse.ts';
import { addsUp, partDifferences } from './part-differences.ts';

const { site } = parseSite(
  `weir: 1
streams:
  power:
    from: 'm/{meter}'
    key: meter
    fields: { kwh: { type: counter, decimals: 3 }, watts: gauge }
rollups:
  usage:
    of: power
    by: [[meter]]
    measures: { kwh: increase(kwh), n: count(), watts: mean(watts) }
    tiers: { 15m: 30d }
    parts: { main: [a, b] }
`,
  'parts.yaml',
);
const [rollup] = site!.rollups;

type Cell = { kwh: number; coverage?: number; estimated?: number };

function series(meter: string, cells: Record<number, Cell>): Series {
  const all = Object.entries(cells);
  const column = (of: (cell: Cell) => number) => all.map(([, cell]) => of(cell));
  return {
    by: { meter },
    time: all.map(([time]) => Number(time)),
    values: { kwh: column(({ kwh }) => kwh), n: column(() => 1) },
    final: column(() => 1).map(Boolean),
    revision: column(() => 0),
    quality: {
      coverage: column(({ coverage }) => coverage ?? 1),
      estimated: { kwh: column(({ estimated }) => estimated ?? 0) },
      late: column(() => 0),
      duplicates: column(() => 0),
      resets: column(() => 0),
    },
  };
}

function ask(...all: Series[]) {
  const answer: RollupAnswer = {
    rollup: 'usage',
    tier: '15m',
    step: 1,
    from: 0,
    to: 9,
    timezone: 'UTC',
    watermark: null,
    measures: {},
    series: all,
    truncated: false,
  };
  return partDifferences(answer, rollup.parts!, rollup.measures.filter(addsUp), site!.streams[0]).parents[0];
}

describe('a whole less its parts', () => {
  test('is exact where doubles are not', () => {
    const found = ask(
      series('main', { 0: { kwh: 0.3 } }),
      series('a', { 0: { kwh: 0.1 } }),
      series('b', { 0: { kwh: 0.1 } }),
    );
    expect(found).toMatchObject({
      sum: { kwh: [0.2], n: [2] },
      difference: { kwh: [0.1], n: [-1] },
      partial: [false],
      missing: [[]],
    });
    expect(found.difference).not.toHaveProperty('watts');
  });

  test('is partial where a part has no value, or was heard for less than half of the time', () => {
    const found = ask(
      series('main', { 0: { kwh: 5 }, 1: { kwh: 5 }, 2: { kwh: 5 } }),
      series('a', { 0: { kwh: 1, coverage: 0.4 }, 1: { kwh: 1, coverage: 0.6 }, 2: { kwh: 2 } }),
      series('b', { 1: { kwh: 3 }, 2: { kwh: 3, coverage: 0, estimated: 1 } }),
    );
    expect(found).toMatchObject({
      difference: { kwh: [4, 1, 0] },
      missing: [['a', 'b'], [], []],
      partial: [true, false, false],
      coverage: [0.4, 0.6, 0],
      estimated: { kwh: [0, 0, 0.3] },
    });
  });

  test('is none without the whole, or without any part', () => {
    const found = ask(series('a', { 0: { kwh: 1 } }), series('main', { 1: { kwh: 2 } }));
    expect(found).toMatchObject({
      time: [0, 1],
      difference: { kwh: [null, null] },
      missing: [
        ['main', 'b'],
        ['a', 'b'],
      ],
    });
  });
});

test('a meter that would be a part of itself is refused, and so are parts without their meters', () => {
  const text = `weir: 1
streams: { power: { from: 'm/{meter}', key: meter, fields: { kwh: counter, watts: gauge } } }
rollups:
  usage:
    of: power
    by: [[]]
    measures: { watts: mean(watts) }
    tiers: { 15m: 30d }
    parts: { main: [a, a], a: [b], b: [main] }
`;
  expect(parseSite(text, 's.yaml').faults.map(({ message }) => message)).toEqual([
    'rollups.usage.parts tells meters apart, which rollups.usage.by does not keep',
    'rollups.usage.parts has nothing to compare: no measure of rollups.usage adds up',
    'rollups.usage.parts.main: "a" would be a part of itself',
    'rollups.usage.parts.main has "a" twice',
    'rollups.usage.parts.main: "a" would be a part of itself',
    'rollups.usage.parts.a: "b" would be a part of itself',
    'rollups.usage.parts.b: "main" would be a part of itself',
  ]);
});
