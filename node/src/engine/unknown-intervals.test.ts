import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS, type Site } from '../contract/index.ts';
import { TABLES } from '../contract/measures/tables.ts';
import { compareTables } from './compare-tables.ts';
import { driven } from './driven.ts';
import { ShardEngine } from './engine.ts';
import type { RunView } from './run-store.ts';
import { seedMarks, seedShadow } from './seed-shadow.ts';
import { bootPlaces } from './stream-engine.ts';
import { buildRecord } from './testing/build-record.ts';
import { logOf } from './testing/log-of.ts';
import { MemoryRunStore } from './testing/memory-run-store.ts';
import type { TestRecord } from './testing/oracle.ts';
import { testSite } from './testing/test-site.ts';

const BASE = Date.UTC(2026, 9, 24, 20);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SHARD = 3;
const STREAM = 'electricity';

/** Raw is kept for some hours; with a greatest rate steps are judged, and a reading may be in doubt. */
function siteOf(judged: boolean): Site {
  const site = testSite({ idFields: ['meter', 'ts'] });
  if (judged) site.streams[0].fields[0].maxRatePerHour = 2;
  return { ...site, retention: { rawMs: 6 * HOUR_MS, rawBytes: 1e9 } };
}

const reading = fc.record({
  key: fc.constantFrom('m1', 'm2', 'm3', 'zähler-4'),
  minute: fc.integer({ min: 0, max: 30 * 60 }),
  kwh: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 900 }) },
    { weight: 1, arbitrary: fc.integer({ min: -20_000, max: 0 }) },
  ),
  delay: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -4, max: 3 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 9 * 60 }) },
  ),
  twice: fc.boolean(),
});

const scenario = fc.record({
  judged: fc.boolean(),
  readings: fc.array(reading, { minLength: 4, maxLength: 90 }),
  /** Of the log, before the archive begins; and of what it has, before the replay is killed. */
  cut: fc.double({ min: 0, max: 0.9, noNaN: true }),
  killed: fc.double({ min: 0, max: 1, noNaN: true }),
  /** Of the same, before the replay begins: what comes after it is late, too. */
  begun: fc.double({ min: 0, max: 1, noNaN: true }),
  swaps: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 30 * 60 }),
      first: fc.integer({ min: 0, max: 900 }),
      /** So many records after it was recorded; before that it says nothing. */
      undone: fc.option(fc.integer({ min: -5, max: 5 })),
    }),
    {
      maxLength: 2,
    },
  ),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** Registers that show nothing, or zero for a moment, are among them, and meters that are swapped. */
function recordsOf({ readings, swaps }: Scenario): TestRecord[] {
  const records = logOf(readings, BASE, ({ kwh }) => kwh & 255);
  for (const { readings: some } of records)
    for (const one of some) {
      const draw = Math.floor(one.time / MINUTE_MS) % 13;
      if (draw === 0) one.numbers = { ...one.numbers, kwh: 0 };
      if (draw < 3) one.numbers = { ...one.numbers, [draw === 1 ? 'kwh' : 'watts']: null };
    }
  for (const [id, { at, first, undone }] of swaps.entries()) {
    const time = BASE + at * MINUTE_MS;
    const recorded = records.findIndex(({ wallMs }) => wallMs >= time);
    const tell = (record: TestRecord | undefined, undo: boolean) => {
      const swap = { id: `s${id}`, undo, key: 'm1', at: time, last: 9_000, first };
      if (record !== undefined) record.swaps = [...(record.swaps ?? []), swap];
    };
    if (recorded < 0) continue;
    tell(records[recorded], false);
    if (undone !== null && undone !== 0) tell(records[recorded + undone], true);
  }
  return records;
}

function apply(engine: ShardEngine, site: Site, records: TestRecord[], from: number, to: number): void {
  for (let seq = from; seq <= to; seq++)
    engine.apply(buildRecord(site.streams[0], SHARD, seq, records[seq - 1]));
}

async function checkpoint(engine: ShardEngine): Promise<void> {
  const work = engine.checkpoint();
  while (work.slice());
  await work.commit();
}

/** As long after: all of its history is forgotten. */
function withoutHistory(view: RunView): RunView {
  const table = TABLES.history(STREAM);
  return {
    get: (name, period, key) => (name === table ? [] : view.get(name, period, key)),
    scan: (name, period) => view.scan(name, period),
    periods: (name, from, to) => (name === table ? [] : view.periods(name, from, to)),
    close: () => view.close(),
  };
}

/** Records: the first that is read, and those after which the replay is begun, and killed. */
interface Times {
  first: number;
  begun: number;
  killed: number;
}

/** Reads the log again from a record on, and is killed and goes on at another. */
async function replayed(
  site: Site,
  records: TestRecord[],
  { first, killed, begun: seededTo }: Times,
  stored: RunView,
) {
  const ms = records[first - 1].wallMs + LIMITS.futureMs + HOUR_MS;
  const since = { ms, newCounters: {} };
  const store = new MemoryRunStore();
  const to = store.checkpoint(SHARD, first - 1);
  seedMarks([STREAM], { seededTo, watermark: null }, to);
  driven(seedShadow(STREAM, bootPlaces(site, STREAM), ms, stored, to));
  await to.commit();
  const begun = new ShardEngine({ site, shard: SHARD, store, since });
  begun.load();
  apply(begun, site, records, first, killed);
  await checkpoint(begun);
  const engine = new ShardEngine({ site, shard: SHARD, store, since });
  engine.load();
  apply(engine, site, records, first, records.length);
  await checkpoint(engine);
  return { ms, anew: store.view(SHARD), known: engine.unknownTo(STREAM) };
}

/** What differs, and how much was compared, of a log that is read again from a record on. */
async function compared(site: Site, records: TestRecord[], times: Times) {
  const store = new MemoryRunStore();
  const live = new ShardEngine({ site, shard: SHARD, store });
  live.load();
  apply(live, site, records, 1, times.begun);
  await checkpoint(live);
  const then = store.view(SHARD);
  apply(live, site, records, times.begun + 1, records.length);
  await checkpoint(live);
  const stored = store.view(SHARD);
  const { ms, anew, known } = await replayed(site, records, times, withoutHistory(then));
  const tiers = driven(
    compareTables({
      site,
      rollups: ['usage', 'plain'],
      from: ms,
      to: null,
      knownFrom: known === null ? {} : { [STREAM]: known + 1 },
      watermark: (stream) => live.watermark(stream) ?? 0,
      nowMs: 0,
      stored,
      anew,
      write: null,
    }),
  );
  return { tiers, known, differing: tiers.filter((one) => one.changed + one.added + one.removed > 0) };
}

test('a replay that begins long ago makes what is stored of all that it says it knows', async () => {
  const equals = { usage: 0, plain: 0 };
  await fc.assert(
    fc.asyncProperty(scenario, async (drawn) => {
      const records = recordsOf(drawn);
      const first = 1 + Math.floor(drawn.cut * (records.length - 1));
      const killed = first - 1 + Math.floor(drawn.killed * (records.length - first + 1));
      const begun = first - 1 + Math.floor(drawn.begun * (records.length - first + 1));
      const { tiers, differing } = await compared(siteOf(drawn.judged), records, { first, begun, killed });
      for (const { rollup, equal } of tiers) equals[rollup as keyof typeof equals] += equal;
      expect(differing).toEqual([]);
    }),
    { numRuns: 40 },
  );
  // Nothing would differ either if nothing were compared.
  expect(equals.plain).toBeGreaterThan(1_000);
  expect(equals.usage).toBeGreaterThan(equals.plain / 10);
}, 300_000);

/** One reading of one meter, that arrives so much later. */
function arrived(minute: number, kwh: number, lateBy = 0): TestRecord {
  const wallMs = BASE + (minute + lateBy) * MINUTE_MS;
  const numbers = { kwh, watts: 1 };
  const one = { key: 'm1', time: BASE + minute * MINUTE_MS, numbers, texts: { state: 'NY' } };
  return { wallMs, clockTrusted: true, readings: [one] };
}

test('a late reading of before what a replay has is not taken for the beginning of an interval', async () => {
  const known = [arrived(0, 5_000), arrived(70, 5_070), arrived(76, 5_076)];
  const records = [
    ...known,
    arrived(30, 5_030, 60),
    arrived(300, 5_400),
    arrived(310, 5_410),
    arrived(320, 5_420),
  ];
  const found = await compared(siteOf(false), records, { first: 4, begun: records.length, killed: 5 });
  expect(found.differing).toEqual([]);
  expect(found.known).toBe(BASE + 300 * MINUTE_MS);
});

test('a late reading of before what a replay has is the beginning of an interval when it comes after that began', async () => {
  const records = [arrived(10, 5_010), arrived(80, 5_080), arrived(60, 5_060, 60), arrived(130, 5_130)];
  for (const begun of [0, 1, 2, 3, 4]) {
    const { differing, tiers } = await compared(siteOf(false), records, {
      first: 1,
      begun,
      killed: 2,
    });
    expect(differing).toEqual([]);
    expect(tiers[0].equal).toBeGreaterThan(1);
  }
});

test.each([
  ['is zero for a moment', false, 0],
  ['is zero for a moment, and judged', true, 0],
  ['leaps for a moment', true, 900_000],
])('the first reading that a replay knows of a meter %s: the next one decides', async (_, judged, first) => {
  const shown = [0, 10, 80, 90, 100, 110, 120, 180, 240];
  const records = shown.map((minute, n) => arrived(minute, n === 2 ? first : 5_000 + minute));
  const { differing, known, tiers } = await compared(siteOf(judged), records, {
    first: 2,
    begun: records.length,
    killed: 5,
  });
  expect(differing).toEqual([]);
  expect(known).toBeGreaterThanOrEqual(BASE + 90 * MINUTE_MS);
  expect(known).toBeLessThanOrEqual(BASE + 110 * MINUTE_MS);
  expect(tiers[0].equal).toBeGreaterThan(1);
});

test('an undo that came before the swap says nothing to a replay either, which knows the swap from its beginning', async () => {
  const swap = { id: 's', key: 'm1', at: BASE + 205 * MINUTE_MS, last: 5_205, first: 20 };
  const shown = [0, 10, 190, 200, 210, 220, 230, 240];
  const records = shown.map((minute) => arrived(minute, minute < 205 ? 5_000 + minute : minute - 185));
  records[4].swaps = [{ ...swap, undo: true }];
  records[5].swaps = [{ ...swap, undo: false }];
  for (const begun of [2, 4, 5, 6, 8]) {
    const { differing, tiers } = await compared(siteOf(false), records, { first: 2, begun, killed: 5 });
    expect(differing).toEqual([]);
    expect(tiers[0].equal).toBeGreaterThan(1);
  }
});
