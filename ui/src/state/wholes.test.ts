import type { PartsAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { wholesOf } from './wholes.ts';

type Parent = PartsAnswer['parents'][number];

const answer = (parent: Partial<Parent>): PartsAnswer => ({
  rollup: 'usage',
  tier: '15m',
  step: 900_000,
  from: 0,
  to: 1,
  timezone: 'UTC',
  watermark: null,
  measures: {},
  parents: [
    {
      parent: 'main',
      parts: ['flat1', 'flat2'],
      time: [],
      whole: {},
      sum: {},
      difference: {},
      estimated: {},
      missing: [],
      partial: [],
      coverage: [],
      final: [],
      revision: [],
      ...parent,
    },
  ],
});

test('a meter and its parts are summed over the steps in which both are known', () => {
  const [one] = wholesOf(
    answer({
      whole: { kwh: [5, 7, null] },
      sum: { kwh: [4, null, 3] },
      difference: { kwh: [1, null, null] },
      missing: [[], ['flat1', 'flat2'], []],
    }),
    'kwh',
  );
  expect(one).toEqual({
    parent: 'main',
    whole: 5,
    parts: { names: ['flat1', 'flat2'], sum: 4 },
    difference: 1,
    missing: ['flat1', 'flat2'],
  });
});

test('a measure that the answer does not have counts nothing', () => {
  expect(wholesOf(answer({}), 'kwh')[0]).toMatchObject({ whole: 0, difference: 0, missing: [] });
});
