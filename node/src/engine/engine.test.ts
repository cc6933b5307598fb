import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepBoundaries } from '../contract/measures/boundaries.ts';
import { decodeChunks } from '../contract/measures/chunk.ts';
import { finishSeries } from '../contract/measures/finish.ts';
import { LATE, REVISION } from '../contract/measures/kinds.ts';
import { layoutOf } from '../contract/measures/layout.ts';
import { mergeAll } from '../contract/measures/merge.ts';
import { QUANTILE_ERROR } from '../contract/measures/sketch/quantile-sketch.ts';
import type { RollupSpec, Site } from '../contract/site/model.ts';
import { driven } from './driven.ts';
import { ShardEngine } from './engine.ts';
import { buildRecord } from './testing/build-record.ts';
import { MemoryRunStore } from './testing/memory-run-store.ts';
import { Oracle, type TestReading, type TestRecord } from './testing/oracle.ts';
import { testSite } from './testing/test-site.ts';

/** The clocks of Berlin go back on this day. */
const BASE = Date.UTC(2026, 9, 24, 20);
const DAY_MS = 86_400_000;

const MINUTE_MS = 60_000;

/** Mostly within some minutes, on and off their boundaries; `wideMs` now and then. */
const timeWithin = (wideMs: number) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 12 * MINUTE_MS }) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 20 }).map((n) => n * MINUTE_MS) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: wideMs }) },
  );

const readingWithin = (wideMs: number): fc.Arbitrary<TestReading> =>
  fc
    .record({
      key: fc.constantFrom('m1', 'm2', 'zähler-3'),
      time: timeWithin(wideMs).map((t) => BASE + t),
      kwh: fc.option(
        fc.oneof(
          { weight: 6, arbitrary: fc.integer({ min: 0, max: 5000 }) },
          { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 52 - 1 }) },
          { weight: 1, arbitrary: fc.integer({ min: -50, max: 50 }) },
        ),
        { freq: 6 },
      ),
      watts: fc.option(fc.integer({ min: -100, max: 9000 }), { freq: 6 }),
    })
    .map(({ key, time, kwh, watts }) => ({
      key,
      time,
      numbers: { kwh, watts },
      texts: { state: [null, 'NY', 'CA'][(Math.floor(time / 7000) + key.length) % 3] },
    }));

type Step =
  | { kind: 'record'; take: number; trusted: boolean }
  | { kind: 'checkpoint'; slices: number }
  | { kind: 'crash' }
  | { kind: 'fold' }
  | { kind: 'abandon' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      take: fc.integer({ min: 0, max: 12 }),
      trusted: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('checkpoint' as const),
      slices: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('crash' as const, 'fold' as const, 'abandon' as const) }),
  },
);

const scenarioOf = (wideMs: number, maxLength: number) =>
  fc.record({
    readings: fc.array(readingWithin(wideMs), { minLength: 1, maxLength }),
    again: fc.array(fc.nat(), { maxLength: 20 }),
    steps: fc.array(step, { minLength: 1, maxLength: 24 }),
    inOrder: fc.boolean(),
  });
type Scenario = ReturnType<typeof scenarioOf> extends fc.Arbitrary<infer T> ? T : never;

const scenario = scenarioOf(3 * 60 * MINUTE_MS, 60);
/** Past the change of clocks, and past the greatest gap. */
const wideScenario = scenarioOf(10 * DAY_MS, 10);

/** The log of a scenario: its readings with some sent again, cut into records. */
function logOf({ readings, again, steps, inOrder }: Scenario): TestRecord[] {
  const sent = [...readings];
  for (const at of again) sent.splice((at * 7) % sent.length, 0, sent[at % sent.length]);
  if (inOrder) sent.sort((a, b) => a.time - b.time);
  const records: TestRecord[] = [];
  let at = 0;
  for (const one of steps) {
    if (one.kind !== 'record') continue;
    const some = sent.slice(at, at + one.take);
    at += some.length;
    records.push({ wallMs: BASE + records.length * 240_000, clockTrusted: one.trusted, readings: some });
  }
  records.push({ wallMs: BASE + records.length * 240_000, clockTrusted: true, readings: sent.slice(at) });
  return records;
}

class Bench {
  readonly store = new MemoryRunStore();
  readonly site: Site;
  engine: ShardEngine;
  #next = 0;
  readonly #records: TestRecord[];

  constructor(site: Site, records: TestRecord[]) {
    this.site = site;
    this.#records = records;
    this.engine = this.open();
  }

  open(): ShardEngine {
    const engine = new ShardEngine({ site: this.site, shard: 3, store: this.store });
    engine.load();
    return engine;
  }

  applyOne(): void {
    if (this.#next >= this.#records.length) return;
    this.engine.apply(buildRecord(this.site.streams[0], 3, this.#next + 1, this.#records[this.#next]));
    this.#next++;
  }

  applyRest(): void {
    while (this.#next < this.#records.length) this.applyOne();
  }

  async checkpoint(between: number, commit: boolean): Promise<void> {
    const work = this.engine.checkpoint();
    for (let slice = 0; work.slice(); slice++) {
      await work.flush();
      if (slice < between) this.applyOne();
    }
    if (between > 0) this.applyOne();
    if (commit) await work.commit();
    else await work.abandon();
  }

  crash(): void {
    this.engine = this.open();
    this.#next = this.engine.position;
    // Replay begins earlier than it must.
    this.#next = Math.max(0, this.#next - 1);
  }

  async run(steps: Step[]): Promise<void> {
    for (const one of steps) {
      if (one.kind === 'record') this.applyOne();
      else if (one.kind === 'checkpoint') await this.checkpoint(one.slices, true);
      else if (one.kind === 'abandon') await this.checkpoint(1, false);
      else if (one.kind === 'fold') this.store.fold(3);
      else this.crash();
    }
    this.applyRest();
  }
}

function finishedBuckets(engine: ShardEngine, site: Site, rollupAt: number, groupBy: number, tier: number) {
  const rollup = site.rollups[rollupAt];
  const widthMs = rollup.tiers[tier].widthMs;
  const from = BASE - 2 * DAY_MS;
  const to = BASE + 14 * DAY_MS;
  const question = { rollup: rollup.name, groupBy, tier, from, to, where: [], maxGroups: 1000, edges: true };
  const parts = driven(engine.read(question));
  const layout = layoutOf(rollup, groupBy, site.streams[0]);
  const steps = stepBoundaries(site.timezone, widthMs, widthMs);
  const found: Record<string, Record<number, unknown>> = {};
  parts.groups.forEach((group, at) => {
    const series = finishSeries(
      { layout, measures: rollup.measures, steps, from, to, watermark: parts.watermark, latenessMs: 300_000 },
      [parts.chunks[at]],
    );
    const merged = mergeAll(decodeChunks(parts.chunks[at]));
    const cells: Record<number, unknown> = {};
    series.time.forEach((start, i) => {
      const values: Record<string, unknown> = {};
      for (const name of Object.keys(series.values)) values[name] = series.values[name][i];
      const lists: Record<string, [string, number][]> = {};
      for (const [name, column] of Object.entries(series.lists ?? {}))
        lists[name] = column[i].map(({ value, count }) => [value, count]);
      const bucket = merged.starts.subarray(0, merged.n).indexOf(start);
      const late = bucket < 0 ? 0 : merged.lanes[LATE][bucket];
      cells[start] =
        rollupAt === 0
          ? { values, lists, late }
          : { values, lists, late, revision: merged.lanes[REVISION][bucket] };
    });
    if (series.time.length > 0) found[JSON.stringify(group)] = cells;
  });
  return found;
}

/** What is right within a stated bound is equal to anything within it. */
function withinBounds(rollup: RollupSpec, values: Record<string, number | null>): Record<string, unknown> {
  const near: Record<string, unknown> = { ...values };
  for (const { name, fn } of rollup.measures) {
    const exact = values[name];
    if (/^p[0-9]+$/.test(fn) && exact !== null)
      near[name] = {
        $$typeof: Symbol.for('jest.asymmetricMatcher'),
        asymmetricMatch: (found: unknown) => {
          return typeof found === 'number' && Math.abs(found - exact) <= Math.abs(exact) * QUANTILE_ERROR;
        },
        toString: () => `${exact} ± 1 %`,
      };
  }
  return near;
}

function expectOracle(engine: ShardEngine, site: Site, oracle: Oracle): void {
  for (let rollup = 0; rollup < site.rollups.length; rollup++)
    for (let groupBy = 0; groupBy < site.rollups[rollup].groupBys.length; groupBy++)
      for (let tier = 0; tier < site.rollups[rollup].tiers.length; tier++) {
        const spec = site.rollups[rollup];
        const expected: Record<string, Record<number, unknown>> = {};
        for (const [group, cells] of oracle.buckets(spec, spec.groupBys[groupBy], spec.tiers[tier].widthMs)) {
          const byStart: Record<number, unknown> = {};
          // A bucket that nothing was read in and nothing fell into is none.
          for (const [start, { values, lists, late, revision }] of cells) {
            const near = withinBounds(spec, values);
            byStart[start] =
              rollup === 0 ? { values: near, lists, late } : { values: near, lists, late, revision };
          }
          expected[group] = byStart;
        }
        const name = `${spec.name} by ${spec.groupBys[groupBy]} at ${spec.tiers[tier].name}`;
        expect({ name, found: finishedBuckets(engine, site, rollup, groupBy, tier) }).toEqual({
          name,
          found: expected,
        });
      }
  const ledger = engine.ledger(0, Number.MAX_SAFE_INTEGER, null);
  expect(ledger).toEqual({
    received: oracle.received,
    counted: oracle.counted,
    onTime: oracle.counted - oracle.late,
    lateMerged: oracle.late,
    duplicate: oracle.duplicate,
    quarantined: oracle.conflict > 0 ? { conflict: oracle.conflict } : {},
    rejected: {},
  });
  expect(engine.watermark('electricity')).toBe(oracle.watermark);
}

async function checkScenario(given: Scenario, idFields: string[]): Promise<void> {
  const site = testSite({ idFields });
  const records = logOf(given);
  const oracle = new Oracle(site, site.streams[0]);
  for (const record of records) oracle.apply(record);
  const disturbed = new Bench(site, records);
  await disturbed.run(given.steps);
  expectOracle(disturbed.engine, site, oracle);
  const calm = new Bench(site, records);
  calm.applyRest();
  const hash = calm.engine.hash();
  expect(disturbed.engine.hash()).toBe(hash);
  await disturbed.checkpoint(0, true);
  expect(driven(disturbed.engine.hashStored(disturbed.store.view(3)))).toBe(hash);
}

const runs = { numRuns: Number(process.env.WEIR_RUNS ?? 40) };

describe('the engine', () => {
  test('gives the buckets of the oracle, whatever the order, repetition, batching, checkpoints and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, (given) => checkScenario(given, [])),
      runs,
    );
  });

  test('does so over days, a change of clocks and gaps past the greatest', async () => {
    await fc.assert(
      fc.asyncProperty(wideScenario, (given) => checkScenario(given, [])),
      { numRuns: runs.numRuns / 10 },
    );
  });

  test('does so where key and time are the id, and sets conflicts aside', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, (given) => checkScenario(given, ['meter', 'ts'])),
      runs,
    );
  });

  test('does so where the id has a field of its own', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, (given) => checkScenario(given, ['meter', 'ts', 'watts'])),
      runs,
    );
  });

  test('adds up a register whose corrections are past 2^53 together', async () => {
    const values = [
      [0, 3844634639118406],
      [1, 878209942488170],
      [60_000, 877077371751866],
      [120_000, 1],
      [120_001, 3407377129396197],
      [120_002, 0],
    ];
    const readings = values.map(([after, kwh]) => ({
      key: 'm2',
      time: 1_792_872_000_000 + after,
      numbers: { kwh, watts: null },
      texts: { state: 'CA' },
    }));
    const steps: Scenario['steps'] = [{ kind: 'record', take: 0, trusted: false }];
    await checkScenario({ readings, again: [], steps, inOrder: false }, ['meter', 'ts', 'watts']);
  });
});
