import type { RollupAnswer, Series } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { costsOf } from './costs.ts';

const answer = (series: Partial<Series>[]): RollupAnswer => ({
  rollup: 'usage',
  tier: '15m',
  step: 900_000,
  from: 0,
  to: 1,
  timezone: 'UTC',
  watermark: null,
  measures: {},
  series: series.map((one) => ({ by: {}, time: [], values: {}, final: [], revision: [], ...one })),
  truncated: false,
});

test('the cost of a range is the sum of its buckets, by period and in all', () => {
  const periods = {
    money: { high: { amount: [1, 2], cost: [0.3, 0.6] }, low: { amount: [0, 4], cost: [0, 0.8] } },
  };
  const quality = { coverage: [], estimated: { money: [0, 0.5] }, late: [], duplicates: [], resets: [] };
  const cost = costsOf(answer([{ values: { money: [0.3, 1.4] }, periods, quality }]), 'money');
  expect(cost.total).toBeCloseTo(1.7, 9);
  expect(cost.estimated).toBeCloseTo(0.7 / 1.7, 9);
  expect(cost.unpriced).toBe(0);
  expect(cost.periods.map(({ period, amount }) => [period, amount])).toEqual([
    ['high', 3],
    ['low', 4],
  ]);
});

test('what has no price is told, and not taken for nothing', () => {
  const periods = {
    money: { high: { amount: [1, 2], cost: [null, null] }, low: { amount: [0, 0], cost: [0, 0] } },
  };
  expect(costsOf(answer([{ values: { money: [null, null] }, periods }]), 'money')).toEqual({
    total: null,
    periods: [{ period: 'high', amount: 3, cost: null }],
    unpriced: 2,
    estimated: 0,
  });
  expect(costsOf(answer([]), 'money').total).toBe(null);
});
