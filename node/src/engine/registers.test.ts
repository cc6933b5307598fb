import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FieldSpec, RegisterSpec, Site } from '../contract/site/model.ts';
import type { ShardEngine } from './engine.ts';
import { type Disturbance, EngineRun, finishedCells, oracleCells } from './testing/engine-run.ts';
import { Oracle, type TestReading, type TestRecord, type TestSwap } from './testing/oracle.ts';
import { testSite } from './testing/test-site.ts';

const BASE = Date.UTC(2026, 9, 24, 22);
const MINUTE_MS = 60_000;
const RANGE = { from: BASE - 86_400_000, to: BASE + 14 * 86_400_000 };
const MODULUS = 10_000;

/** The test site with a register of its own rules, and the boots of its device. */
function registerSite(register: Partial<RegisterSpec>, maxRatePerHour: number | null): Site {
  const site = testSite();
  const stream = site.streams[0];
  const plain: RegisterSpec = { modulus: null, noise: 0, boot: null, maxGapMs: null };
  const boot: FieldSpec = { name: 'boot', type: 'text', unit: '', decimals: 0, maxRatePerHour: null };
  stream.fields = [
    { ...stream.fields[0], maxRatePerHour, register: { ...plain, ...register } },
    ...stream.fields.slice(1),
    boot,
  ];
  const [usage] = site.rollups;
  const tiers = [usage.tiers[0], usage.tiers[2]];
  return { ...site, rollups: [{ ...usage, tiers, groupBys: [['meter'], ['state'], []] }] };
}

type Event = 'run' | 'stand' | 'zero' | 'noise' | 'reset' | 'spike' | 'boot' | 'wrap' | 'gap';
interface Happening {
  event: Event;
  step: number;
  everyMs: number;
}

const happening: fc.Arbitrary<Happening> = fc.record({
  event: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Event>('run') },
    {
      weight: 6,
      arbitrary: fc.constantFrom<Event>('stand', 'zero', 'noise', 'reset', 'spike', 'boot', 'wrap', 'gap'),
    },
  ),
  step: fc.integer({ min: 0, max: 40 }),
  everyMs: fc.integer({ min: 1, max: 9 }).map((n) => n * 13_000),
});

/** What a register shows, reading by reading, while such things happen to it. */
function readingsOf(key: string, happenings: Happening[]): TestReading[] {
  let time = BASE;
  let level = MODULUS - 120;
  let boot = 1;
  return happenings.map(({ event, step, everyMs }) => {
    time += event === 'gap' ? everyMs * 40 : everyMs;
    if (event === 'run') level += step;
    if (event === 'boot') boot++;
    if (event === 'reset' || event === 'boot') level = step;
    if (event === 'wrap' || level >= MODULUS) level = (level + step) % MODULUS;
    let shown = level;
    if (event === 'zero') shown = 0;
    if (event === 'noise') shown = Math.max(0, level - (step % 7));
    if (event === 'spike') shown = level + step * 1000;
    return {
      key,
      time,
      numbers: { kwh: shown, watts: step },
      texts: { state: ['NY', 'CA', null][step % 3], boot: step === 13 ? null : `b${boot}` },
    };
  });
}

/** Recorded with any record of the log, before the readings around it or after, and taken back or not. */
const swap = fc.record({
  atMs: fc.integer({ min: 0, max: 30 * MINUTE_MS }),
  last: fc.integer({ min: MODULUS - 200, max: MODULUS + 400 }),
  first: fc.integer({ min: 0, max: 60 }),
  record: fc.nat(),
  undoAfter: fc.option(fc.nat(4)),
});

const scenario = fc.record({
  one: fc.array(happening, { minLength: 1, maxLength: 40 }),
  other: fc.array(happening, { maxLength: 12 }),
  /** In which order they come: a little or much out of their own. */
  jitter: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 60, maxLength: 60 }),
  again: fc.array(fc.nat(), { maxLength: 6 }),
  swaps: fc.array(swap, { maxLength: 2 }),
  records: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }),
  disturbances: fc.array(
    fc.constantFrom<Disturbance>('none', 'none', 'checkpoint', 'checkpoint', 'fold', 'crash'),
    {
      maxLength: 30,
    },
  ),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function logOf({ one, other, jitter, records, again, swaps }: Scenario): TestRecord[] {
  const readings = [...readingsOf('m1', one), ...readingsOf('m2', other)];
  const order = readings.map((reading, at) => ({ reading, place: at + jitter[at % jitter.length] }));
  order.sort((a, b) => a.place - b.place);
  const sent = order.map(({ reading }) => reading);
  for (const at of again) sent.splice((at * 7) % sent.length, 0, sent[at % sent.length]);
  const log: TestRecord[] = [];
  for (let at = 0, turn = 0; at < sent.length; turn++) {
    const rows = records[turn % records.length];
    log.push({ wallMs: BASE, clockTrusted: false, readings: sent.slice(at, at + rows) });
    at += rows;
  }
  swaps.forEach((swap, n) => {
    const one = { id: `s${n}`, key: 'm1', at: BASE + swap.atMs, last: swap.last, first: swap.first };
    const first = swap.record % log.length;
    log[first] = { ...log[first], swaps: [...(log[first].swaps ?? []), { ...one, undo: false }] };
    if (swap.undoAfter === null) return;
    const then = Math.min(log.length - 1, first + swap.undoAfter);
    log[then] = { ...log[then], swaps: [...(log[then].swaps ?? []), { ...one, undo: true }] };
  });
  return log;
}

/** Beside every bucket of the answer stands what the oracle says of it. */
function expectQuality(engine: ShardEngine, site: Site, oracle: Oracle): void {
  const [usage] = site.rollups;
  for (let groupBy = 0; groupBy < usage.groupBys.length; groupBy++)
    for (let tier = 0; tier < usage.tiers.length; tier++) {
      const by = usage.groupBys[groupBy];
      const { widthMs } = usage.tiers[tier];
      const quality = oracle.quality(usage, by, widthMs, 'kwh');
      const expected: Record<string, Record<number, unknown>> = {};
      for (const [group, cells] of oracle.buckets(usage, by, widthMs))
        for (const [start, { values }] of cells) {
          const known = quality.get(group)?.get(start);
          const amount = Math.round(values.kwh! * 1000);
          expected[group] ??= {};
          expected[group][start] = {
            coverage: groupBy === 0 ? expect.closeTo((known?.coveredMs ?? 0) / widthMs, 9) : null,
            estimated: amount === 0 ? 0 : Number(known?.long ?? 0n) / amount,
            duplicates: known?.duplicates ?? 0,
            resets: known?.resets ?? 0,
          };
        }
      const found = finishedCells(engine, site, 0, groupBy, tier, RANGE, true);
      expect({ by, tier, found }).toEqual({ by, tier, found: expected });
    }
}

async function check(given: Scenario, site: Site): Promise<void> {
  const log = logOf(given);
  const oracle = new Oracle(site, site.streams[0]);
  for (const record of log) oracle.apply(record);
  const disturbed = await new EngineRun(site, log).run(given.disturbances);
  const { groupBys, tiers } = site.rollups[0];
  for (let groupBy = 0; groupBy < groupBys.length; groupBy++)
    for (let tier = 0; tier < tiers.length; tier++)
      expect({ groupBy, tier, found: finishedCells(disturbed, site, 0, groupBy, tier, RANGE) }).toEqual({
        groupBy,
        tier,
        found: oracleCells(oracle.buckets(site.rollups[0], groupBys[groupBy], tiers[tier].widthMs)),
      });
  expectQuality(disturbed, site, oracle);
  const calm = await new EngineRun(site, log).run();
  expect(disturbed.hash()).toBe(calm.hash());
}

const runs = { numRuns: Number(process.env.WEIR_RUNS ?? 8) };
const RULES: [string, Partial<RegisterSpec>, number | null][] = [
  ['no rule', {}, null],
  ['a modulus', { modulus: MODULUS }, null],
  ['a modulus and a plausible rate', { modulus: MODULUS }, 2],
  ['noise', { noise: 5 }, null],
  ['noise and a plausible rate', { noise: 5 }, 1],
  ['the boots of the device', { boot: 'boot' }, null],
  ['a greatest gap of its own', { maxGapMs: 20 * MINUTE_MS }, null],
  ['everything', { modulus: MODULUS, noise: 3, boot: 'boot', maxGapMs: 40 * MINUTE_MS }, 2],
];

describe('a register in any order of its readings', () => {
  for (const [name, register, maxRate] of RULES)
    test(`with ${name} gives the buckets of the oracle, and the same bytes`, async () => {
      const site = registerSite(register, maxRate);
      await fc.assert(
        fc.asyncProperty(scenario, (given) => check(given, site)),
        runs,
      );
    }, 120_000);
});

/** What flowed between readings of every minute, in every order of their coming: one answer, if all agree. */
async function totals(
  values: number[],
  register: Partial<RegisterSpec>,
  maxRate: number | null = null,
  boots: string[] = [],
) {
  const site = registerSite(register, maxRate);
  const readings = values.map((kwh, at) => ({
    key: 'm1',
    time: BASE + at * MINUTE_MS,
    numbers: { kwh, watts: null },
    texts: { state: null, boot: boots[at] ?? null },
  }));
  const found = new Set<string>();
  for (const order of permutations(readings)) {
    const log = order.map((reading) => ({ wallMs: BASE, clockTrusted: false, readings: [reading] }));
    const engine = await new EngineRun(site, log).run(['checkpoint']);
    const cells = finishedCells(engine, site, 0, 2, 0, RANGE)['[]'] as Record<number, { kwh: number }>;
    found.add(
      Object.values(cells)
        .slice(0, -1)
        .map(({ kwh }) => Math.round(kwh * 1000))
        .join(' '),
    );
  }
  return [...found];
}

function permutations<T>(all: T[]): T[][] {
  if (all.length <= 1) return [all];
  return all.flatMap((one, at) =>
    permutations([...all.slice(0, at), ...all.slice(at + 1)]).map((rest) => [one, ...rest]),
  );
}

describe('a register', () => {
  test('that goes past its modulus goes on', async () => {
    expect(await totals([9990, 5, 10], { modulus: MODULUS })).toEqual(['15 5']);
    expect(await totals([9990, 5, 10], {})).toEqual(['5 5']);
  });

  test('that shows zero for a moment shows nothing', async () => {
    expect(await totals([500, 0, 520, 530], {})).toEqual(['0 20 10']);
    expect(await totals([500, 0, 7, 9], {})).toEqual(['0 7 2']);
  });

  test('that steps back within its noise stands still until it is past where it was', async () => {
    expect(await totals([500, 499, 500, 502], { noise: 3 })).toEqual(['0 0 2']);
  });

  test('that leaps faster than it can does not leap, and where it stays it goes on', async () => {
    expect(await totals([500, 90_000, 502, 503], {}, 1)).toEqual(['0 2 1']);
    expect(await totals([500, 90_000, 90_002, 90_003], {}, 1)).toEqual(['0 2 1']);
  });

  test('that is swapped counts what both registers counted, and an undo takes it back', async () => {
    const site = registerSite({}, null);
    const reading = (minute: number, kwh: number) => ({
      key: 'm1',
      time: BASE + minute * MINUTE_MS + 1,
      numbers: { kwh, watts: null },
      texts: { state: 'NY', boot: null },
    });
    const swap = { id: 's', key: 'm1', at: BASE + MINUTE_MS, last: 530, first: 7000, undo: false };
    const record = (readings: TestReading[], swaps?: TestSwap[]) => ({
      wallMs: BASE,
      clockTrusted: false,
      readings,
      swaps,
    });
    const readings = [reading(0, 500), reading(2, 7010), reading(3, 7020)];
    const increase = async (log: TestRecord[]) => {
      const engine = await new EngineRun(site, log).run(['checkpoint', 'checkpoint', 'crash', 'none']);
      const cells = finishedCells(engine, site, 0, 0, 1, RANGE)['["m1"]'] as Record<number, { kwh: number }>;
      return { kwh: Object.values(cells)[0].kwh, hash: engine.hash(), swaps: engine.swaps().length };
    };
    expect(await increase([record(readings, [swap])])).toMatchObject({ kwh: 0.05, swaps: 1 });
    expect(await increase([record(readings), record([], [swap])])).toMatchObject({ kwh: 0.05 });
    expect(await increase([record([], [swap]), record(readings)])).toMatchObject({ kwh: 0.05 });
    const undone = await increase([
      record(readings.slice(0, 2)),
      record([], [swap]),
      record([], [{ ...swap, undo: true }]),
      record(readings.slice(2)),
    ]);
    expect(undone).toMatchObject({ kwh: 6.52, swaps: 1 });
  });

  test('that is swapped among readings of which the one before is forgotten counts what it did', async () => {
    const site = { ...registerSite({}, null), retention: { rawMs: 60 * MINUTE_MS, rawBytes: 1e9 } };
    const reading = (minute: number, kwh: number) => ({
      key: 'm1',
      time: BASE + minute * MINUTE_MS + 1,
      numbers: { kwh, watts: null },
      texts: { state: 'NY', boot: null },
    });
    const swap = { id: 's', key: 'm1', at: BASE + 20 * MINUTE_MS, last: 530, first: 0, undo: false };
    const record = (minute: number, more: Partial<TestRecord>) => ({
      wallMs: BASE + minute * MINUTE_MS,
      clockTrusted: true,
      readings: [],
      ...more,
    });
    const total = async (recordedAt: number, undoneAt: number) => {
      const log = [
        record(0, { readings: [reading(0, 500)] }),
        record(30, { readings: [reading(30, 600)] }),
        record(recordedAt, { swaps: [swap] }),
        record(undoneAt, { swaps: [{ ...swap, undo: true }] }),
        record(140, { readings: [reading(140, 610)] }),
      ];
      const engine = await new EngineRun(site, log).run(['none', 'checkpoint', 'checkpoint', 'crash']);
      const cells = finishedCells(engine, site, 0, 2, 1, RANGE)['[]'] as Record<number, { kwh: number }>;
      const sum = Object.values(cells).reduce((all, { kwh }) => all + kwh, 0);
      return { kwh: Math.round(sum * 1000), swaps: engine.swaps().map(({ undone }) => undone !== null) };
    };
    expect(await total(40, 50)).toEqual({ kwh: 110, swaps: [true] });
    expect(await total(40, 90)).toEqual({ kwh: 640, swaps: [false] });
    expect(await total(70, 75)).toEqual({ kwh: 110, swaps: [] });
  });

  test('goes on from where it stood before raw was forgotten, whatever a restart remembers', async () => {
    const rules: [Partial<RegisterSpec>, number | null][] = [
      [{}, null],
      [{ noise: 40 }, 30],
    ];
    for (const [register, maxRate] of rules) {
      const site = {
        ...registerSite(register, maxRate),
        retention: { rawMs: 60 * MINUTE_MS, rawBytes: 1e9 },
      };
      const reading = (minute: number, kwh: number, key = 'm1') => ({
        key,
        time: BASE + minute * MINUTE_MS + 1,
        numbers: { kwh, watts: null },
        texts: { state: 'NY', boot: null },
      });
      const record = (minute: number, ...readings: TestReading[]) => ({
        wallMs: BASE + minute * MINUTE_MS,
        clockTrusted: true,
        readings,
      });
      // The first reading is the anchor, and older than raw when what comes after the zero is judged.
      const log = [
        record(0, reading(0, 9000)),
        record(10, reading(10, 0)),
        record(65, reading(65, 50, 'm2')),
        record(70, reading(70, 9050)),
        record(70, reading(20, 9010)),
        record(71, reading(71, 9040)),
        record(72, reading(11, 9005)),
        record(90, reading(90, 9100)),
      ];
      const oracle = new Oracle(site, site.streams[0]);
      for (const one of log) oracle.apply(one);
      const [usage] = site.rollups;
      const expected = oracleCells(oracle.buckets(usage, ['state'], usage.tiers[1].widthMs));
      const hashes = new Set<string>();
      for (let turn = 0; turn < log.length; turn++) {
        const disturbances = log.map((_, at): Disturbance => (at < turn ? 'checkpoint' : 'none'));
        for (const crash of [false, true]) {
          if (crash) disturbances[turn] = 'crash';
          const engine = await new EngineRun(site, log).run(disturbances);
          expect(finishedCells(engine, site, 0, 1, 1, RANGE)).toEqual(expected);
          hashes.add(engine.hash());
        }
      }
      expect(hashes.size).toBe(1);
    }
  });

  test('of a device that started anew began at zero, whatever it shows', async () => {
    expect(await totals([500, 700, 710], { boot: 'boot' }, null, ['a', 'b', 'b'])).toEqual(['700 10']);
    expect(await totals([500, 700, 710], { boot: 'boot' }, null, ['a', 'a', 'a'])).toEqual(['200 10']);
  });
});
