import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseSite, type Site } from '../contract/index.ts';
import { assertShape } from './kept-shape.ts';
import { keptTariffs, tariffFaults } from './kept-tariffs.ts';

const HIGH = 'high: { days: mon-fri, times: 06:00-22:00 }';

function site(edit: (text: string) => string = (text) => text): Site {
  const { site: parsed, faults } = parseSite(
    edit(`weir: 1
site:
  timezone: Europe/Berlin
  tariffs:
    home:
      currency: EUR
      periods: { ${HIGH}, low: rest }
      prices: { 2026-01-01: { high: 0.3, low: 0.2 } }
streams:
  power:
    from: meters/{meter}/power
    key: meter
    fields: { kwh: { type: counter, tariff: home } }
rollups:
  usage:
    of: power
    by: [[meter]]
    measures: { money: cost(kwh) }
    tiers: { 15m: 7d, 1d: 2y }
`),
    'test.yaml',
  );
  expect(faults).toEqual([]);
  return parsed!;
}

const NOW = Date.parse('2026-11-27T12:00:00+01:00');
const faults = (before: Site, after: Site) => tariffFaults(keptTariffs(before), after, NOW);

test('prices may change for any time, names of tariffs and currencies too', () => {
  const edited = site((text) =>
    text
      .replace('high: 0.3', 'high: 0.31')
      .replaceAll('home', 'flat')
      .replace('EUR', 'CHF')
      .replace('2026-01-01', '2025-01-01'),
  );
  expect(faults(site(), edited)).toEqual([]);
});

test('periods that were are not divided anew: the newest quarter of an hour that would be is named', () => {
  const edited = site((text) => text.replace('22:00', '21:00'));
  expect(faults(site(), edited)).toEqual([
    'streams.power.fields.kwh: 2026-11-26T20:45:00.000Z was in the period high of the tariff home, and is now in low; what was counted is kept apart by period and cannot be divided anew: let periods change from a day to come on, with dates',
  ]);
});

test('the same periods may be said in other words, and others may begin tomorrow', () => {
  const until = '{ days: mon-fri, times: 06:00-22:00, dates: ..2026-11-27 }';
  const from = '{ days: mon-sat, times: 07:00-20:00, dates: 2026-11-28.. }';
  const edited = site((text) =>
    text
      .replace(HIGH, `peak: { dates: 2026-12-24 }, high: [${until}, ${from}]`)
      .replace('{ high: 0.3', '{ peak: 1, high: 0.3'),
  );
  expect(faults(site(), edited)).toEqual([]);
  const yesterday = site((text) =>
    text.replace(HIGH, `high: [${until.replace('27', '25')}, ${from.replace('28', '26')}]`),
  );
  expect(faults(site(), yesterday)).toEqual([
    expect.stringContaining('2026-11-27T05:45:00.000Z was in the period high'),
  ]);
});

test('a start with periods that do not fit what is stored is refused, also after the measure was away', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'weir-shape-')), 'shape.json');
  const without = site((text) =>
    text.replace('money: cost(kwh)', 'kwh: increase(kwh)').replace('usage:', 'other:'),
  );
  const edited = site((text) => text.replace('mon-fri', 'mon-sun'));
  assertShape(site(), file);
  assertShape(without, file);
  expect(() => assertShape(edited, file)).toThrow(/is now in high/);
  assertShape(site(), file);
});
