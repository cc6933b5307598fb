import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepBoundaries } from '../contract/measures/boundaries.ts';
import { finishSeries } from '../contract/measures/finish.ts';
import { layoutOf } from '../contract/measures/layout.ts';
import type { RollupSpec, Site } from '../contract/site/model.ts';
import { parseSite } from '../contract/site/parse.ts';
import { Calendar } from '../contract/time/calendar.ts';
import type { ShardEngine } from './engine.ts';
import { type Disturbance, EngineRun, finishedCells } from './testing/engine-run.ts';
import { Oracle, type TestReading, type TestRecord } from './testing/oracle.ts';

const QUARTER_MS = 15 * 60_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Prices in units of 10^-5, as they stand in the site file below: before the change, and after. */
const PRICES = {
  feast: [12_345, -500],
  high: [32_150, 31_900],
  night: [20_000, 21_000],
  low: [24_100, 24_101],
} as const;
type Period = keyof typeof PRICES;

const price = (period: Period, at: 0 | 1) => PRICES[period][at] / 100_000;
const list = (at: 0 | 1) =>
  `{ ${(Object.keys(PRICES) as Period[]).map((name) => `${name}: ${price(name, at)}`).join(', ')} }`;

function siteIn(timezone: string, changes: string, feast: string, first = '2020-01-01'): Site {
  const { site, faults } = parseSite(
    `weir: 1
site:
  timezone: ${timezone}
  tariffs:
    home:
      currency: EUR
      periods:
        feast: { dates: ['${feast}', 12-24..01-02] }
        high: [{ days: mon-fri, times: 06:00-21:30 }, { days: sat, times: [08:15-12:00, 13:00-18:00] }]
        night: { times: 22:00-05:45 }
        low: rest
      prices:
        ${changes}: ${list(1)}
        ${first}: ${list(0)}
streams:
  electricity:
    from: meters/{meter}/electricity
    time: ts
    key: meter
    id: [meter, ts]
    interval: 1h
    fields: { kwh: { type: counter, decimals: 3, tariff: home }, watts: { type: gauge, decimals: 1 }, state: text }
rollups:
  usage:
    of: electricity
    by: [[meter], [state], []]
    measures: { kwh: increase(kwh), money: cost(kwh), each: money / kwh }
    tiers: { 5m: 10y, 15m: 10y, 1h: 10y, 1d: 10y }
retention: { raw: 10y }
`,
    'cost.yaml',
  );
  expect(faults).toEqual([]);
  return site!;
}

/** What a person would read off a clock on the wall and the tariff's sheet; shares nothing with the product. */
function naivePeriod(timezone: string, feast: string): (t: number) => Period {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  const known = new Map<number, Period>();
  return (t) => {
    const period = known.get(t) ?? look(t);
    known.set(t, period);
    return period;
  };
  function look(t: number): Period {
    const part = Object.fromEntries(clock.formatToParts(t).map(({ type, value }) => [type, value]));
    const time = `${part.hour}:${part.minute}`;
    const date = `${part.month}-${part.day}`;
    if (`${part.year}-${date}` === feast || date >= '12-24' || date <= '01-02') return 'feast';
    if (part.weekday === 'Sat') {
      if ((time >= '08:15' && time < '12:00') || (time >= '13:00' && time < '18:00')) return 'high';
    } else if (part.weekday !== 'Sun' && time >= '06:00' && time < '21:30') return 'high';
    return time >= '22:00' || time < '05:45' ? 'night' : 'low';
  }
}

interface World {
  timezone: string;
  /** First day: some days on, the clocks change. */
  from: number;
  /** When prices change, and the same instant. */
  changes: string;
  changesMs: number;
  feast: string;
}

const WORLDS: World[] = [
  {
    timezone: 'Europe/Berlin',
    from: Date.UTC(2026, 2, 27, 3),
    changes: '2026-03-30',
    changesMs: Date.parse('2026-03-30T00:00:00+02:00'),
    feast: '2026-03-31',
  },
  {
    timezone: 'Europe/Berlin',
    from: Date.UTC(2026, 9, 23, 5),
    changes: '2026-10-25',
    changesMs: Date.parse('2026-10-25T00:00:00+02:00'),
    feast: '2026-10-24',
  },
  {
    timezone: 'Australia/Lord_Howe',
    from: Date.UTC(2026, 3, 3),
    changes: '2026-04-06',
    changesMs: Date.parse('2026-04-06T00:00:00+10:30'),
    feast: '2026-04-04',
  },
  {
    timezone: 'Australia/Lord_Howe',
    from: Date.UTC(2026, 9, 2),
    changes: '2026-10-05',
    changesMs: Date.parse('2026-10-05T00:00:00+11:00'),
    feast: '2026-10-06',
  },
  {
    timezone: 'Asia/Kolkata',
    from: Date.UTC(2026, 11, 29),
    changes: '2027-01-01',
    changesMs: Date.parse('2027-01-01T00:00:00+05:30'),
    feast: '2027-01-04',
  },
];

const scenario = fc.record({
  readings: fc.array(
    fc.record({
      meter: fc.constantFrom('m1', 'm2'),
      after: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 0, max: 6 * DAY_MS }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 6 * 96 }).map((n) => n * QUARTER_MS) },
      ),
      used: fc.integer({ min: 0, max: 9_000 }),
    }),
    { minLength: 2, maxLength: 40 },
  ),
  order: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
  disturbances: fc.array(fc.constantFrom<Disturbance>('none', 'checkpoint', 'fold', 'crash', 'checkpoint'), {
    maxLength: 12,
  }),
});

function logOf(
  { readings, order }: { readings: { meter: string; after: number; used: number }[]; order: number[] },
  from: number,
): TestRecord[] {
  const sorted = readings.toSorted((a, b) => a.after - b.after);
  const shown = new Map<string, number>();
  const all = sorted.map(({ meter, after, used }): TestReading => {
    // Now and then a register begins again.
    const kwh = used > 8_900 ? used : (shown.get(meter) ?? 0) + used;
    shown.set(meter, kwh);
    const texts = { state: ['NY', 'CA'][(after + meter.length) % 2] };
    return { key: meter, time: from + after, numbers: { kwh, watts: 1 }, texts };
  });
  const mixed = all.toSorted((a, b) => order[all.indexOf(a)] - order[all.indexOf(b)]);
  const records: TestRecord[] = [];
  for (let at = 0; at < mixed.length; at += 4)
    records.push({ wallMs: from + 7 * DAY_MS, clockTrusted: true, readings: mixed.slice(at, at + 4) });
  return records;
}

const increaseOnly = (rollup: RollupSpec): RollupSpec => ({ ...rollup, measures: [rollup.measures[0]] });

/** Money by group and start of bucket, in units of 10^-8: every quarter of an hour at its own price. */
function naiveCosts(
  oracle: Oracle,
  site: Site,
  world: World,
  periodAt: (t: number) => Period,
  by: string[],
  widthMs: number,
) {
  const calendar = new Calendar(world.timezone);
  const quarters = oracle.buckets(increaseOnly(site.rollups[0]), by, QUARTER_MS);
  const costs = new Map<string, Map<number, bigint>>();
  for (const [group, cells] of quarters)
    for (const [start, { values }] of cells) {
      const unit = PRICES[periodAt(start)][start < world.changesMs ? 0 : 1];
      const bucket = calendar.bucketStart(start, widthMs);
      const byStart = costs.get(group) ?? new Map<number, bigint>();
      costs.set(group, byStart);
      const amount = BigInt(Math.round(values.kwh! * 1000)) * BigInt(unit);
      byStart.set(bucket, (byStart.get(bucket) ?? 0n) + amount);
    }
  return costs;
}

async function check(
  world: World,
  site: Site,
  periodAt: (t: number) => Period,
  given: Parameters<typeof logOf>[0] & { disturbances: Disturbance[] },
) {
  const [rollup] = site.rollups;
  const log = logOf(given, world.from);
  const oracle = new Oracle(site, site.streams[0]);
  for (const record of log) oracle.apply(record);
  const engine = await new EngineRun(site, log).run(given.disturbances);
  const range = { from: world.from - DAY_MS, to: world.from + 8 * DAY_MS };
  for (let groupBy = 0; groupBy < rollup.groupBys.length; groupBy++)
    for (let tier = 1; tier < rollup.tiers.length; tier++) {
      const by = rollup.groupBys[groupBy];
      const { widthMs, name } = rollup.tiers[tier];
      const found = finishedCells(engine, site, 0, groupBy, tier, range);
      const costs = naiveCosts(oracle, site, world, periodAt, by, widthMs);
      const expected: typeof found = {};
      for (const [group, cells] of oracle.buckets(increaseOnly(rollup), by, widthMs)) {
        expected[group] = {};
        for (const [start, { values }] of cells) {
          const money = Number(costs.get(group)?.get(start) ?? 0n) / 1e8;
          const each = values.kwh === 0 ? null : money / values.kwh!;
          expected[group][start] = { ...values, money, each };
        }
      }
      // Thousands of cells: asserting them one by one would take most of the time.
      assert.deepEqual(found, expected, `by ${by} at ${name}`);
    }
}

describe('a cost', () => {
  for (const world of WORLDS)
    test(`in ${world.timezone} from ${world.changes} on is what the clock on the wall and the price list say`, async () => {
      const site = siteIn(world.timezone, world.changes, world.feast);
      const periodAt = naivePeriod(world.timezone, world.feast);
      await fc.assert(
        fc.asyncProperty(scenario, (given) => check(world, site, periodAt, given)),
        { numRuns: Number(process.env.WEIR_RUNS ?? 40) / 8 },
      );
    }, 60_000);
});

describe('costs by period', () => {
  const [world] = WORLDS;
  const site = siteIn(world.timezone, world.changes, world.feast);

  function asked(engine: ShardEngine, of: Site, groupBy: number, tier: number, window?: number) {
    const [rollup] = of.rollups;
    const range = { from: world.from - DAY_MS, to: world.from + 8 * DAY_MS };
    const reading = engine.read({
      rollup: 'usage',
      groupBy,
      tier,
      ...range,
      where: [],
      maxGroups: 9,
      edges: true,
    });
    let one = reading.next();
    while (!one.done) one = reading.next();
    const plan = {
      layout: layoutOf(rollup, groupBy, of.streams[0]),
      measures: rollup.measures,
      steps: stepBoundaries(of.timezone, rollup.tiers[tier].widthMs, rollup.tiers[tier].widthMs),
      ...range,
      ...(window !== undefined && { window }),
      watermark: null,
      latenessMs: 0,
      periods: true,
      quality: window === undefined,
    };
    return finishSeries(plan, one.value.chunks);
  }

  /** 1 kWh each hour for four days, over the change of clocks and of prices. */
  const steady: TestRecord[] = [
    {
      wallMs: world.from + 5 * DAY_MS,
      clockTrusted: true,
      readings: Array.from({ length: 97 }, (_, hour) => ({
        key: 'm1',
        time: world.from + hour * HOUR_MS,
        numbers: { kwh: hour * 1000, watts: null },
        texts: { state: 'NY' },
      })),
    },
  ];

  test('add up to the amount and to the cost, and a day of 23 hours has 23', async () => {
    const engine = await new EngineRun(site, steady).run(['checkpoint']);
    const days = asked(engine, site, 0, 3);
    const sunday = days.time.indexOf(Date.parse('2026-03-29T00:00:00+01:00'));
    expect(days.values.kwh[sunday]).toBe(23);
    // Night until 5:45 lost the hour from 2 to 3; Sundays have no high.
    expect(days.periods?.money.night.amount[sunday]).toBe(6.75);
    expect(days.periods?.money.low.amount[sunday]).toBe(16.25);
    expect(days.periods?.money.high.amount[sunday]).toBe(0);
    for (let at = 0; at < days.time.length; at++) {
      const columns = Object.values(days.periods!.money);
      expect(columns.reduce((sum, { amount }) => sum + amount[at], 0)).toBeCloseTo(days.values.kwh[at]!, 9);
      expect(columns.reduce((sum, { cost }) => sum + cost[at]!, 0)).toBeCloseTo(days.values.money[at]!, 9);
    }
    expect(Object.keys(days.periods!.money)).toEqual(['feast', 'high', 'night', 'low']);
  });

  test('follow a price that is corrected later, without a reading', async () => {
    const run = new EngineRun(site, steady);
    await run.run(['checkpoint']);
    const text = JSON.stringify(site);
    const corrected = JSON.parse(text.replaceAll('"digits":3215', '"digits":3225')) as Site;
    expect(JSON.stringify(corrected)).not.toBe(text);
    const before = asked(run.engine, site, 2, 3);
    const after = asked(run.engine, corrected, 2, 3);
    before.values.money.forEach((money, at) => {
      const isBefore = before.time[at] < world.changesMs;
      const more = isBefore ? (before.periods?.money.high.amount[at] ?? 0) * 0.001 : 0;
      expect(after.values.money[at]! - money!).toBeCloseTo(more, 9);
    });
  });

  test('are none where no price holds yet, and the amounts are there nevertheless', async () => {
    const late = siteIn(world.timezone, world.changes, world.feast, '2026-03-28');
    const engine = await new EngineRun(late, steady).run();
    const days = asked(engine, late, 0, 3);
    expect(days.values.money[0]).toBe(null);
    expect(days.values.money[1]).toBeGreaterThan(0);
    expect(days.periods?.money.high.amount[0]).toBeGreaterThan(0);
    expect(days.periods?.money.high.cost[0]).toBe(null);
  });

  test('keep what a period that the tariff has no more counted, without a price', async () => {
    const run = new EngineRun(site, steady);
    await run.run(['checkpoint']);
    const renamed = JSON.parse(JSON.stringify(site)) as Site;
    for (const { tariff } of renamed.streams[0].fields)
      if (tariff !== undefined) tariff.periods = tariff.periods.filter(({ name }) => name !== 'night');
    const days = asked(run.engine, renamed, 0, 3);
    expect(days.periods?.money['former periods'].amount[0]).toBeGreaterThan(0);
    expect(days.values.money[0]).toBe(null);
  });

  test('slide with their windows', async () => {
    const engine = await new EngineRun(site, steady).run(['checkpoint']);
    const hours = asked(engine, site, 0, 2);
    const windows = asked(engine, site, 0, 2, 24);
    const at = windows.time.indexOf(world.changesMs + 5 * HOUR_MS);
    const last = hours.time.indexOf(windows.time[at]);
    const sum = hours.values.money.slice(last - 23, last + 1).reduce<number>((total, one) => total + one!, 0);
    expect(windows.values.money[at]).toBeCloseTo(sum, 9);
    expect(windows.periods?.money.night.amount[at]).toBe(7.75);
  });

  test('tell how much of them is an estimate, as of the amount', async () => {
    const [record] = steady;
    const gap = { ...record, readings: record.readings.filter((_, hour) => hour < 30 || hour > 40) };
    const engine = await new EngineRun(site, [gap]).run();
    const hours = asked(engine, site, 0, 2);
    expect(hours.quality?.estimated.money).toEqual(hours.quality?.estimated.kwh);
    expect(Math.max(...hours.quality!.estimated.money.map((one) => one ?? 0))).toBe(1);
  });
});
