import type { SiteAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { parseHash } from './hash.ts';
import { select, titleOf } from './selection.ts';

const SITE: SiteAnswer = {
  name: 'Riverside',
  timezone: 'UTC',
  streams: [
    {
      name: 'electricity',
      sources: [],
      codec: 'json',
      timeField: 'ts',
      keyField: 'meter',
      latenessMs: 900_000,
      fields: [],
    },
  ],
  rollups: [
    {
      name: 'usage',
      stream: 'electricity',
      groupBys: [['meter'], ['state'], ['state', 'type'], []],
      measures: [
        { name: 'kwh', fn: 'increase', field: 'kwh', unit: 'kWh' },
        { name: 'watts', fn: 'mean', field: 'watts', unit: 'W' },
      ],
      tiers: [],
    },
  ],
  retention: { rawMs: 1, rawBytes: 1 },
  dashboards: [],
};

const selected = (hash: string) => select(SITE, parseHash(hash))!;

test('names of an old link fall back to what the site has', () => {
  const found = selected('#/?rollup=gone&measure=gone&by=gone');
  expect([found.rollup.name, found.measure.name, found.by, found.filter]).toEqual([
    'usage',
    'kwh',
    null,
    null,
  ]);
});

test('a filter stands only on a field that is kept, and takes the place of a split', () => {
  expect(selected('#/?where.meter=m-1&by=state')).toMatchObject({
    by: null,
    filter: { field: 'meter', value: 'm-1' },
  });
  expect(selected('#/?where.watts=3').filter).toBeNull();
  expect(selected('#/?by=type').by).toBeNull();
  expect(selected('#/?by=state').by).toBe('state');
});

test('a site without rollups has nothing to select', () => {
  expect(select({ ...SITE, rollups: [] }, parseHash(''))).toBeNull();
});

test('a rollup is called as its stream while it is the only one', () => {
  expect(titleOf(SITE, SITE.rollups[0])).toBe('Electricity');
  const two = { ...SITE, rollups: [SITE.rollups[0], { ...SITE.rollups[0], name: 'peaks' }] };
  expect(titleOf(two, two.rollups[1])).toBe('Peaks');
});
