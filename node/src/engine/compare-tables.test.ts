import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newBuckets } from '../contract/measures/buckets.ts';
import { decodeChunk, encodeChunk } from '../contract/measures/chunk.ts';
import { ROWS } from '../contract/measures/kinds.ts';
import { mergeFor } from '../contract/measures/merge-for.ts';
import { HISTORY_SPAN_MS, periodOf, TABLES } from '../contract/measures/tables.ts';
import { type Comparison, compareTables, type TableWriter } from './compare-tables.ts';
import { driven } from './driven.ts';
import { ShardEngine } from './engine.ts';
import type { RunView } from './run-store.ts';
import { seedShadow } from './seed-shadow.ts';
import { bootPlaces } from './stream-engine.ts';
import { buildRecord } from './testing/build-record.ts';
import { logOf, type SentReading } from './testing/log-of.ts';
import { MemoryRunStore } from './testing/memory-run-store.ts';
import type { TestRecord } from './testing/oracle.ts';
import { testSite } from './testing/test-site.ts';

const BASE = Date.UTC(2026, 9, 24, 20);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SHARD = 3;
const EVER = Number.MAX_SAFE_INTEGER;
const site = testSite({ idFields: ['meter', 'ts'] });
const names = site.rollups.map(({ name }) => name);

const reading = fc.record({
  key: fc.constantFrom('m1', 'm2', 'm3', 'zähler-4'),
  minute: fc.integer({ min: 0, max: 30 * 60 }),
  kwh: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 900 }) },
    { weight: 1, arbitrary: fc.integer({ min: -20_000, max: 0 }) },
  ),
  delay: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -4, max: 3 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 20 * 60 }) },
  ),
  twice: fc.boolean(),
});

function apply(engine: ShardEngine, records: TestRecord[], fromSeq: number): void {
  for (let seq = fromSeq; seq <= records.length; seq++)
    engine.apply(buildRecord(site.streams[0], SHARD, seq, records[seq - 1]));
}

async function checkpoint(engine: ShardEngine): Promise<void> {
  const work = engine.checkpoint();
  while (work.slice());
  await work.commit();
}

/** A store that has forgotten its history before a period, as retention leaves it. */
function forgetful(view: RunView, beforePeriod: number): RunView {
  const history = TABLES.history('electricity');
  return {
    get: (table, period, key) =>
      table === history && period < beforePeriod ? [] : view.get(table, period, key),
    scan: (table, period) => view.scan(table, period),
    periods: (table, from, to) =>
      view.periods(table, table === history ? Math.max(from, beforePeriod) : from, to),
    close: () => view.close(),
  };
}

interface Bench {
  records: TestRecord[];
  engine: ShardEngine;
  store: MemoryRunStore;
}

async function live(readings: SentReading[], every: number): Promise<Bench> {
  const records = logOf(readings, BASE, ({ kwh }) => kwh & 255);
  const store = new MemoryRunStore();
  const engine = new ShardEngine({ site, shard: SHARD, store });
  engine.load();
  for (let seq = 1; seq <= records.length; seq++) {
    engine.apply(buildRecord(site.streams[0], SHARD, seq, records[seq - 1]));
    if (seq % every === 0) await checkpoint(engine);
  }
  await checkpoint(engine);
  return { records, engine, store };
}

const sinceOf = (from: number | null) => (from === null ? null : { ms: from, newCounters: {} });

/** Reads the log again from the first record with a reading of the span. */
async function replayed({ records }: Bench, from: number | null, stored: RunView, rollups: string[]) {
  const first = records.findIndex(({ readings }) => readings.some(({ time }) => time >= (from ?? 0)));
  const fromSeq = from === null ? 1 : first < 0 ? records.length + 1 : first + 1;
  const shadow = new MemoryRunStore();
  if (from !== null) {
    const to = shadow.checkpoint(SHARD, fromSeq - 1);
    driven(seedShadow('electricity', bootPlaces(site, 'electricity'), from, stored, to));
    await to.commit();
  }
  const engine = new ShardEngine({ site, shard: SHARD, store: shadow, rollups, since: sinceOf(from) });
  engine.load();
  apply(engine, records, fromSeq);
  await checkpoint(engine);
  return { shadow, known: (engine.unknownTo('electricity') ?? Number.NEGATIVE_INFINITY) + 1 };
}

function comparison(bench: Bench, stored: RunView, more: Pick<Comparison, 'anew' | 'from'>): Comparison {
  return {
    site,
    rollups: names,
    to: null,
    knownFrom: {},
    watermark: (stream) => bench.engine.watermark(stream) ?? 0,
    nowMs: 0,
    stored,
    write: null,
    ...more,
  };
}

const differences = (tiers: ReturnType<typeof compareTables> extends Generator<void, infer T> ? T : never) =>
  tiers.filter(({ changed, added, removed }) => changed + added + removed > 0);

const scenario = fc.record({
  readings: fc.array(reading, { minLength: 1, maxLength: 60 }),
  every: fc.integer({ min: 1, max: 40 }),
  fromMinute: fc.integer({ min: 0, max: 30 * 60 }),
});

test('reading the log again gives what is stored, wherever the reading begins', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ readings, every, fromMinute }) => {
      const bench = await live(readings, every);
      const stored = bench.store.view(SHARD);
      for (const from of [null, BASE + fromMinute * MINUTE_MS]) {
        const { shadow, known } = await replayed(bench, from, stored, names);
        expect(known).toBe(Number.NEGATIVE_INFINITY);
        const compared = driven(compareTables(comparison(bench, stored, { anew: shadow.view(SHARD), from })));
        expect(compared).toHaveLength(site.rollups.length * 4 * 4);
        expect(differences(compared)).toEqual([]);
      }
    }),
    { numRuns: 25 },
  );
});

test('where history before is forgotten, what cannot be made anew is left as it is', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ readings, every, fromMinute }) => {
      const bench = await live(readings, every);
      const from = BASE + fromMinute * MINUTE_MS;
      const stored = forgetful(bench.store.view(SHARD), periodOf(from, HISTORY_SPAN_MS) - 1);
      const { shadow, known } = await replayed(bench, from, stored, names);
      const all = comparison(bench, stored, { anew: shadow.view(SHARD), from });
      const compared = driven(compareTables({ ...all, knownFrom: { electricity: known } }));
      expect(differences(compared)).toEqual([]);
    }),
    { numRuns: 25 },
  );
});

/** Puts a period's new entries over a copy of what was there. */
function rewriting(stored: RunView, tables: string[]) {
  const replaced = new Set<string>();
  const puts: Parameters<TableWriter['put']>[] = [];
  const writer: TableWriter = {
    replaces: (table, period) => void replaced.add(`${table} ${period}`),
    put: (...entry) => void puts.push(entry),
  };
  const result = async () => {
    const store = new MemoryRunStore();
    const to = store.checkpoint(SHARD, 1);
    for (const table of tables)
      for (const period of stored.periods(table, 0, EVER))
        if (!replaced.has(`${table} ${period}`))
          for (const { key, values } of stored.scan(table, period))
            to.put(table, period, key, mergeFor(table)(values));
    for (const entry of puts) to.put(...entry);
    await to.commit();
    return store;
  };
  return { writer, result };
}

test('what was damaged is told, and corrected; what lies before the span keeps its damage', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ readings, every, fromMinute }) => {
      const bench = await live(readings, every);
      const from = BASE + fromMinute * MINUTE_MS;
      const table = TABLES.buckets('plain', ['meter'], '1m');
      let inSpan = 0;
      const before = bench.store.view(SHARD);
      const to = bench.store.checkpoint(SHARD, bench.records.length);
      for (const period of before.periods(table, 0, EVER))
        for (const { key, values } of before.scan(table, period)) {
          const { kinds, starts } = decodeChunk(mergeFor(table)(values));
          const more = newBuckets(kinds, 1);
          for (const lane of more.lanes) lane[0] = 0;
          more.lanes[ROWS][0] = 5;
          more.starts[0] = starts[0];
          more.n = 1;
          if (starts[0] >= from) inSpan++;
          to.put(table, period, key, encodeChunk(more));
        }
      await to.commit();
      const stored = bench.store.view(SHARD);
      const { shadow } = await replayed(bench, from, stored, names);
      const tables = site.rollups.flatMap((rollup) =>
        rollup.groupBys.flatMap((by) =>
          rollup.tiers.map(({ name }) => TABLES.buckets(rollup.name, by, name)),
        ),
      );
      const { writer, result } = rewriting(stored, tables);
      const look = comparison(bench, stored, { anew: shadow.view(SHARD), from });
      const told = driven(compareTables({ ...look, write: writer }));
      expect(told.reduce((sum, one) => sum + one.changed, 0)).toBe(inSpan);
      for (const { largest } of differences(told)) expect(largest.length).toBeGreaterThan(0);
      const right = await result();
      const again = comparison(bench, right.view(SHARD), { anew: shadow.view(SHARD), from });
      expect(differences(driven(compareTables(again)))).toEqual([]);
      // Against all of the log: the damage before the span is as it was.
      const { shadow: whole } = await replayed(bench, null, stored, names);
      const rest = comparison(bench, right.view(SHARD), { anew: whole.view(SHARD), from: null });
      const left = driven(compareTables(rest)).reduce((sum, one) => sum + one.changed, 0);
      const damaged = comparison(bench, stored, { anew: whole.view(SHARD), from: null });
      const all = driven(compareTables(damaged)).reduce((sum, one) => sum + one.changed, 0);
      expect(left).toBe(all - inSpan);
    }),
    { numRuns: 15 },
  );
});

test('a replay that counts some rollups only makes the same of them', async () => {
  const bench = await live(
    fc.sample(reading, { numRuns: 50, seed: 7 }).map((one) => ({ ...one, delay: Math.abs(one.delay) })),
    9,
  );
  const stored = bench.store.view(SHARD);
  const from = BASE + 9 * HOUR_MS;
  const { shadow } = await replayed(bench, from, stored, ['plain']);
  const anew = shadow.view(SHARD);
  expect(anew.periods(TABLES.buckets('usage', ['meter'], '1m'), 0, EVER)).toEqual([]);
  const compared = driven(
    compareTables({ ...comparison(bench, stored, { anew, from }), rollups: ['plain'] }),
  );
  expect(compared).toHaveLength(16);
  expect(differences(compared)).toEqual([]);
});
