import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeChunk, encodeChunk } from '../contract/measures/chunk.ts';
import { REVISION } from '../contract/measures/kinds.ts';
import { layoutOf } from '../contract/measures/layout.ts';
import { mergeFor } from '../contract/measures/merge-for.ts';
import type { StreamShift } from '../contract/measures/shift.ts';
import { chunkSpanMs, TABLES } from '../contract/measures/tables.ts';
import type { RollupSpec, Site } from '../contract/site/model.ts';
import { type Comparison, compareTables, type TableWriter } from './compare-tables.ts';
import { driven } from './driven.ts';
import { ShardEngine } from './engine.ts';
import { isReshaped, type Reshaping, reshapeShard } from './reshape-shard.ts';
import type { RunView } from './run-store.ts';
import { seedShadow } from './seed-shadow.ts';
import { bootPlaces } from './stream-engine.ts';
import { buildRecord } from './testing/build-record.ts';
import { logOf } from './testing/log-of.ts';
import { MemoryRunStore } from './testing/memory-run-store.ts';
import type { TestRecord } from './testing/oracle.ts';
import { testSite } from './testing/test-site.ts';

const BASE = Date.UTC(2026, 9, 24, 20);
const MINUTE_MS = 60_000;
const SHARD = 3;
const EVER = Number.MAX_SAFE_INTEGER;

/** Only plain sums by meter at first: no register, no dimension. Then registers, a gauge by time, and the state. */
const whole = testSite({ idFields: ['meter', 'ts'] });
const wholeUsage = { ...whole.rollups[0], groupBys: [['meter'], ['state'], []] };
const plainMeasures = whole.rollups[1].measures.filter(({ name }) =>
  ['total', 'low', 'readings'].includes(name),
);
const small: RollupSpec = { ...wholeUsage, groupBys: [['meter'], []], measures: plainMeasures };
const large: RollupSpec = {
  ...wholeUsage,
  measures: [...wholeUsage.measures, ...plainMeasures.filter(({ name }) => name === 'total')],
};
const with_ = (rollup: RollupSpec): Site => ({ ...whole, rollups: [rollup] });

/** Edits both ways: from the one site to the other. */
const EDITS: { name: string; before: Site; after: Site; shift: StreamShift }[] = [
  {
    name: 'measures and group-bys are added',
    before: with_(small),
    after: with_(large),
    shift: { counters: [-1, -1], kept: [-1, -1], dimensions: [-1] },
  },
  {
    name: 'measures and group-bys are taken away',
    before: with_(large),
    after: with_(small),
    shift: { counters: [], kept: [], dimensions: [] },
  },
];

const reading = fc.record({
  key: fc.constantFrom('m1', 'm2', 'm3', 'zähler-4'),
  minute: fc.integer({ min: 0, max: 20 * 60 }),
  kwh: fc.integer({ min: 0, max: 900 }),
  delay: fc.integer({ min: 0, max: 6 * 60 }),
  twice: fc.boolean(),
});

async function counted(site: Site, store: MemoryRunStore, records: TestRecord[], from: number, to: number) {
  const engine = new ShardEngine({ site, shard: SHARD, store });
  engine.load();
  for (let seq = from; seq <= to; seq++)
    engine.apply(buildRecord(site.streams[0], SHARD, seq, records[seq - 1]));
  const work = engine.checkpoint();
  while (work.slice());
  await work.commit();
  return store;
}

function shiftOf(before: Site, after: Site): Reshaping['groups'] {
  const [was, is] = [before.rollups[0], after.rollups[0]];
  return is.groupBys.map((by, groupBy) => {
    const old = was.groupBys.findIndex((one) => one.join() === by.join());
    if (old < 0) return { rollup: is.name, groupBy, shift: null };
    const parts = layoutOf(was, old, before.streams[0]).accumulators;
    const { accumulators, kinds } = layoutOf(is, groupBy, after.streams[0]);
    const from = accumulators.map(({ kind, field }) =>
      parts.findIndex((one) => one.kind === kind && one.field === field),
    );
    return { rollup: is.name, groupBy, shift: { kinds, from } };
  });
}

/** What was written over a copy of what was stored. */
async function reshaped(reshaping: Reshaping, stored: RunView, anew: RunView, position: number) {
  const replaced = new Set<string>();
  const puts: Parameters<TableWriter['put']>[] = [];
  const writer: TableWriter = {
    replaces: (table, period) => void replaced.add(`${table} ${period}`),
    put: (...entry) => void puts.push(entry),
  };
  driven(reshapeShard(reshaping, stored, anew, writer));
  const store = new MemoryRunStore();
  const to = store.checkpoint(SHARD, position);
  for (const table of [
    TABLES.keys('electricity'),
    TABLES.tuples('electricity'),
    TABLES.history('electricity'),
    TABLES.ledger('electricity'),
    TABLES.marks,
  ])
    for (const period of stored.periods(table, -EVER, EVER))
      if (!replaced.has(`${table} ${period}`))
        for (const { key, values } of stored.scan(table, period))
          to.put(table, period, key, mergeFor(table)(values));
  for (const entry of puts) to.put(...entry);
  await to.commit();
  return store;
}

/** Buckets of a table that begin before a moment, without their revisions. */
function bucketsOf(view: RunView, site: Site, groupBy: number, before: number): unknown[] {
  const rollup = site.rollups[0];
  const by = rollup.groupBys[groupBy];
  return rollup.tiers.flatMap((tier) => {
    const table = TABLES.buckets(rollup.name, by, tier.name);
    const all = view.periods(table, -EVER, Math.floor(before / chunkSpanMs(tier.widthMs)));
    return all.flatMap((period) =>
      [...view.scan(table, period)].flatMap(({ key, values }) => {
        const buckets = decodeChunk(mergeFor(table)(values));
        buckets.lanes[REVISION].fill(0);
        return [...buckets.starts.slice(0, buckets.n)].flatMap((start, at) =>
          start + tier.widthMs > before
            ? []
            : [[tier.name, start, String(key), String(encodeChunk(buckets, at, at + 1))]],
        );
      }),
    );
  });
}

for (const { name, before, after, shift } of EDITS)
  test(`${name}: from raw on as if it had always been so, and late readings go on rightly`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(reading, { minLength: 4, maxLength: 60 }),
        fc.option(fc.integer({ min: 0, max: 10 * 60 }), { nil: null }),
        async (readings, fromMinute) => {
          const records = logOf(readings, BASE, () => 30);
          const until = Math.ceil(records.length * 0.7);
          const from = fromMinute === null ? null : BASE + fromMinute * MINUTE_MS;
          const first = records.findIndex((one) => one.readings.some(({ time }) => time >= (from ?? 0)));
          const fromSeq = from === null ? 1 : Math.min(until, first < 0 ? records.length : first) + 1;
          const stored = (await counted(before, new MemoryRunStore(), records, 1, until)).view(SHARD);
          const shadow = new MemoryRunStore();
          if (from !== null) {
            const to = shadow.checkpoint(SHARD, fromSeq - 1);
            driven(seedShadow('electricity', bootPlaces(after, 'electricity'), from, stored, to, shift));
            await to.commit();
          }
          await counted(after, shadow, records, fromSeq, until);
          const groups = shiftOf(before, after);
          const reshaping: Reshaping = {
            site: after,
            groups,
            left: [],
            streams: [{ stream: 'electricity', shift }],
            from,
            knownFrom: {},
            id: 4,
          };
          const made = await reshaped(reshaping, stored, shadow.view(SHARD), until);
          expect(isReshaped(made.view(SHARD), 4)).toBe(true);
          expect(isReshaped(made.view(SHARD), 5)).toBe(false);
          if (from !== null && name.includes('away'))
            // What both count is as it was, where raw does not reach.
            for (const [g, { shift: kept }] of groups.entries())
              if (kept?.from.every((at) => at >= 0)) {
                const fresh = (await counted(after, new MemoryRunStore(), records, 1, until)).view(SHARD);
                expect(bucketsOf(made.view(SHARD), after, g, from)).toEqual(bucketsOf(fresh, after, g, from));
              }
          // The rest of the log, late readings among it, over what was made anew, and over the truth.
          await counted(after, made, records, until + 1, records.length);
          const truth = await counted(after, new MemoryRunStore(), records, 1, records.length);
          const comparison: Comparison = {
            site: after,
            rollups: ['usage'],
            // A register that is new begins with the first reading in raw: the interval before it is not known.
            from: from === null ? null : Math.max(from, firstAfter(records, from)),
            to: null,
            knownFrom: {},
            watermark: () => Number.NEGATIVE_INFINITY,
            nowMs: Number.NEGATIVE_INFINITY,
            stored: made.view(SHARD),
            anew: truth.view(SHARD),
            write: null,
          };
          const found = driven(compareTables(comparison));
          expect(found.filter(({ changed, added, removed }) => changed + added + removed > 0)).toEqual([]);
        },
      ),
      { numRuns: 8 },
    );
  }, 300_000);

/** When each key had its first reading in raw: from there on intervals are known. */
function firstAfter(records: TestRecord[], from: number): number {
  const firsts = new Map<string, number>();
  for (const { key, time } of records.flatMap(({ readings }) => readings))
    if (time >= from) firsts.set(key, Math.min(firsts.get(key) ?? time, time));
  return Math.max(from, ...firsts.values()) + 1;
}
