import { expect, test } from 'vitest';
import type { RollupSpec } from '../contract/index.ts';
import { chooseGroupBy, chooseTier } from './plan.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 20);

const rollup: RollupSpec = {
  name: 'usage',
  stream: 'electricity',
  groupBys: [['meter'], ['state'], [], ['meter', 'state']],
  measures: [],
  tiers: [
    { name: '1m', widthMs: 60_000, keepMs: 7 * DAY },
    { name: '15m', widthMs: 15 * 60_000, keepMs: 30 * DAY },
    { name: '1h', widthMs: HOUR, keepMs: 120 * DAY },
    { name: '1d', widthMs: DAY, keepMs: 3650 * DAY },
  ],
};

test('the smallest group-by that keeps all fields answers', () => {
  expect(chooseGroupBy(rollup, [], {}).groupBy).toBe(2);
  expect(chooseGroupBy(rollup, ['state'], {}).groupBy).toBe(1);
  expect(chooseGroupBy(rollup, [], { state: ['NY'] })).toEqual({
    groupBy: 1,
    dims: [],
    where: [{ dim: 0, values: ['NY'] }],
  });
  expect(chooseGroupBy(rollup, ['meter'], { state: ['NY'] })).toMatchObject({ groupBy: 3, dims: [0] });
});

test('a field that no group-by keeps names the raw route', () => {
  expect(() => chooseGroupBy(rollup, ['type'], {})).toThrow('/api/v1/streams/electricity/events');
});

test('auto takes the finest tier that draws at most 500 buckets', () => {
  expect(chooseTier(rollup, NOW - HOUR, NOW, 'auto', NOW)).toEqual({ tier: 0, stepMs: 60_000 });
  expect(chooseTier(rollup, NOW - DAY, NOW, 'auto', NOW)).toEqual({ tier: 0, stepMs: 3 * 60_000 });
  expect(chooseTier(rollup, NOW - 5 * DAY, NOW, 'auto', NOW)).toEqual({ tier: 1, stepMs: 15 * 60_000 });
  expect(chooseTier(rollup, NOW - 365 * DAY, NOW, 'auto', NOW)).toEqual({ tier: 3, stepMs: DAY });
});

test('a tier that no longer reaches back to the start is passed over', () => {
  expect(chooseTier(rollup, NOW - 20 * DAY, NOW - 20 * DAY + HOUR, 'auto', NOW).tier).toBe(1);
});

test('a step is answered by the coarsest tier that divides it, or coarsened', () => {
  expect(chooseTier(rollup, NOW - DAY, NOW, HOUR, NOW)).toEqual({ tier: 2, stepMs: HOUR });
  expect(chooseTier(rollup, NOW - DAY, NOW, 5 * 60_000, NOW)).toEqual({ tier: 0, stepMs: 5 * 60_000 });
  expect(chooseTier(rollup, NOW - DAY, NOW, 1_000, NOW)).toEqual({ tier: 0, stepMs: 60_000 });
  expect(chooseTier(rollup, NOW - 20 * DAY, NOW, 60_000, NOW)).toEqual({ tier: 1, stepMs: 15 * 60_000 });
});
