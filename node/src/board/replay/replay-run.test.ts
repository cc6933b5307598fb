import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { mergeFor, type Site } from '../../contract/index.ts';
import { chunkSpanMs, HISTORY_SPAN_MS, periodOf, TABLES } from '../../contract/measures/tables.ts';
import type { TestRecord } from '../../engine/testing/oracle.ts';
import { testSite } from '../../engine/testing/test-site.ts';
import { shardsOf } from '../../shard/open-shards.ts';
import { STORES } from '../../shard/thread-messages.ts';
import { openLevelRunStore } from '../../store/runs/level-run-store.ts';
import { BENCH_KEYS, BENCH_SHARD, countsOf, ReplayBench } from '../testing/replay-bench.ts';
import type { StoredReplay } from './replay-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-replay-run-'));
afterAll(() => rmSync(dir, { recursive: true }));

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WALL_MS = Date.UTC(2026, 9, 20, 22);

function siteOf(keepDays: number, rawMs: number): Site {
  const site = testSite({ idFields: ['meter', 'ts'], keepDays });
  return { ...site, retention: { rawMs, rawBytes: 1e9 } };
}

/** A record every so often: readings of the meters, and one that comes so many records late, or again. */
function recordsOf(count: number, stepMs: number, lateBy = 4): TestRecord[] {
  const reading = (at: number, meter: number) => ({
    key: BENCH_KEYS[meter],
    time: WALL_MS + at * stepMs + meter * 1000,
    numbers: { kwh: at * 40 + ((at * 7 + meter) % 31), watts: (at * 13 + meter) % 50 },
    texts: { state: at % 5 === 0 ? null : ['NY', 'CA'][Math.floor(at / 9) % 2] },
  });
  return Array.from({ length: count }, (_, at) => {
    const late = at % 3 === 0 ? 1 : 0;
    const own = BENCH_KEYS.map((_, meter) => reading(at, meter)).filter(
      (_, meter) => meter !== late || at % 2 > 0,
    );
    const before = at < lateBy ? [] : [reading(at - lateBy, (at - lateBy) % 3 === 0 ? 1 : 0)];
    return { wallMs: WALL_MS + at * stepMs + 5_000, clockTrusted: true, readings: [...own, ...before] };
  });
}

/** All archived, in runs of so many records, and forgotten but for the last of them. */
async function archived(name: string, site: Site, records: TestRecord[], run: number): Promise<ReplayBench> {
  const bench = await ReplayBench.open(join(dir, name), site);
  await bench.take(records);
  const ends = Array.from({ length: Math.floor(records.length / run) }, (_, at) => (at + 1) * run);
  await bench.archive(...ends);
  await bench.forgetBefore(ends[ends.length - 1] - 1);
  return bench;
}

async function periodsOf(bench: ReplayBench, stored: StoredReplay, table: string): Promise<number[]> {
  const number = BENCH_SHARD % STORES;
  const store = await openLevelRunStore({
    dir: join(bench.storeDir(stored), String(number)),
    shards: shardsOf(number),
    merge: mergeFor,
  });
  try {
    const view = store.view(BENCH_SHARD);
    const periods = view.periods(table, 0, Number.MAX_SAFE_INTEGER);
    view.close();
    return periods;
  } finally {
    await store.close();
  }
}

test('what is archived is looked up once, however many runs there are', async () => {
  const bench = await archived('once', siteOf(4000, DAY_MS), recordsOf(11, 600_000), 2);
  let looked = 0;
  const stored = bench.asked(1, 'usage');
  const tiers = await bench.replay(stored, {
    archived: (before, streams) => {
      looked++;
      return bench.runs.before(before, streams);
    },
  });
  expect(countsOf(tiers)).toEqual({ equal: expect.any(Number), differing: 0 });
  expect(countsOf(tiers).equal).toBeGreaterThan(50);
  expect(stored.replay.archive).toBe('records 1 to 8 of the log');
  // Once to see whether it helps, and once to read it: each look asks for the size of every file.
  expect(looked).toBe(2);
  await bench.close();
}, 600_000);

test('a replay that is killed while it reads the archive goes on, and ends with the same report', async () => {
  const bench = await archived('killed', siteOf(4000, DAY_MS), recordsOf(36, 600_000), 4);
  const own = { checkpointReadings: 20 };
  const whole = bench.asked(1, 'usage');
  const expected = await bench.replay(whole, own);
  expect(countsOf(expected).differing).toBe(0);

  const stored = bench.asked(2, 'usage');
  // Before the first run, in the first, and between two of them: what was not checkpointed is lost each time.
  for (const runs of [1, 2, 6]) {
    const control = new AbortController();
    let begun = 0;
    const nowMs = () => {
      if (++begun === runs) control.abort(new Error('killed'));
      return bench.nowMs;
    };
    await expect(bench.replay(stored, { ...own, nowMs }, control.signal)).rejects.toThrow('killed');
  }
  const readBefore = stored.replay.readings;
  expect(readBefore).toBeGreaterThan(0);
  expect(await bench.replay(stored, own)).toEqual(expected);
  expect(stored.replay.records).toEqual(whole.replay.records);
  expect(stored.replay.archive).toBe(whole.replay.archive);
  // It did not begin anew: the last run of it read less than all there is.
  expect(stored.replay.readings - readBefore).toBeLessThan(whole.replay.readings);
  await bench.close();
}, 600_000);

test('of the archive a shadow keeps what the store would have kept, and no more', async () => {
  const stepMs = 30 * 60_000;
  const rawMs = 2 * DAY_MS;
  const run = 40;
  // So late that what it needs was forgotten, were it not kept for as long as raw: two checkpoints lie between.
  const records = recordsOf(480, stepMs, 86);
  const bench = await archived('kept', siteOf(3, rawMs), records, run);
  const stored = bench.asked(1, 'usage');
  const checkpointReadings = 100;
  const tiers = await bench.replay(stored, { checkpointReadings });
  expect(countsOf(tiers).differing).toBe(0);
  for (const { equal, tier } of tiers) expect(equal, tier).toBeGreaterThan(2);
  const history = await periodsOf(bench, stored, TABLES.history('electricity'));
  // It is forgotten after a checkpoint: before that all may be there that came since the last one.
  const sinceCheckpointMs = (checkpointReadings / BENCH_KEYS.length + run) * stepMs;
  const keptMs = rawMs + 5 * 60_000 + 2 * HISTORY_SPAN_MS + sinceCheckpointMs;
  expect(history[0]).toBeGreaterThanOrEqual(periodOf(bench.nowMs - keptMs, HISTORY_SPAN_MS));
  expect(keptMs).toBeLessThan((records.length * stepMs) / 2);
  for (const { name, widthMs } of bench.site.rollups[0].tiers) {
    const [first] = await periodsOf(bench, stored, TABLES.buckets('usage', ['state'], name));
    const end = (first + 1) * chunkSpanMs(widthMs);
    // What a tier keeps, twice its own and twice the widest bucket.
    expect(end, name).toBeGreaterThan(bench.nowMs - 3 * DAY_MS - 2 * widthMs - 2 * DAY_MS);
    if (widthMs < HOUR_MS) expect(end, name).toBeGreaterThan(WALL_MS + 3 * DAY_MS);
  }
  await bench.close();
}, 600_000);

test('where a checkpoint has few readings of a key, a store is filled after the other, also over a kill', async () => {
  const bench = await ReplayBench.open(join(dir, 'apart'), siteOf(4000, DAY_MS));
  await bench.take(recordsOf(60, 600_000));
  const whole = bench.asked(1, 'usage');
  const expected = await bench.replay(whole);
  expect(countsOf(expected)).toEqual({ equal: expect.any(Number), differing: 0 });

  const stored = bench.asked(2, 'usage');
  const read = bench.log.read.bind(bench.log);
  const control = new AbortController();
  const reads = vi.spyOn(bench.log, 'read').mockImplementation(async function* (from) {
    for await (const entry of read(from)) {
      if (entry.seq === 41) control.abort(new Error('killed'));
      yield entry;
    }
  });
  const own = { checkpointReadings: 20 };
  await expect(bench.replay(stored, own, control.signal)).rejects.toThrow('killed');
  reads.mockClear();
  expect(await bench.replay(stored, own)).toEqual(expected);
  // Each store by itself, and what came since for all of them.
  expect(reads.mock.calls.length).toBeGreaterThan(STORES);
  expect(stored.replay.records).toEqual(whole.replay.records);
  await bench.close();
}, 600_000);

test('an archive that begins in the middle, or after a gap, is read from there on', async () => {
  const records = recordsOf(60, 1_200_000);
  const bench = await ReplayBench.open(join(dir, 'middle'), siteOf(4000, 6 * HOUR_MS));
  await bench.take(records.slice(0, 20));
  // It was asked for when the log had been cut already, and is off for a while later on.
  await bench.forgetBefore(9);
  await bench.archive(14, 20);
  const since = (first: number) => records[first - 1].wallMs + HOUR_MS + 5 * 60_000;
  await bench.take(records.slice(20));
  await bench.archive(30, 45);
  await bench.forgetBefore(44);
  const stored = bench.asked(1, 'usage');
  const own = { checkpointReadings: 30 };
  const tiers = await bench.replay(stored, own);
  expect(stored.replay).toMatchObject({
    archive: 'records 9 to 43 of the log; record 8 of the log was not archived',
    from: since(9),
    records: { from: 9, done: 60, to: 60 },
  });
  expect(countsOf(tiers).differing).toBe(0);
  // Meters had readings before, of which history knows no more: with the first ones after, their increases are known.
  expect(tiers[0].from).toBeLessThan(since(9) + HOUR_MS);
  for (const { equal, tier } of tiers) if (tier !== '1d') expect(equal, tier).toBeGreaterThan(8);

  // One that is killed in between says the same.
  const again = bench.asked(2, 'usage');
  const control = new AbortController();
  let begun = 0;
  const nowMs = () => {
    if (++begun === 3) control.abort(new Error('killed'));
    return bench.nowMs;
  };
  await expect(bench.replay(again, { ...own, nowMs }, control.signal)).rejects.toThrow('killed');
  expect(await bench.replay(again, own)).toEqual(tiers);

  // A gap: only what comes after it. And what is asked for from a time on is compared from there.
  const archived = (before: number, streams: string[]) => {
    const found = bench.runs.before(before, streams)!;
    return { runs: found.runs.filter(({ from }) => from > 14), why: 'record 14 of the log was not archived' };
  };
  const after = bench.asked(3, 'usage');
  expect(countsOf(await bench.replay(after, { archived })).differing).toBe(0);
  const from15 = 'records 15 to 43 of the log; record 14 of the log was not archived';
  expect(after.replay).toMatchObject({ archive: from15, from: since(15) });
  const span = bench.asked(4, 'usage');
  span.replay.from = since(20);
  const part = await bench.replay(span, { archived });
  expect(countsOf(part)).toEqual({ equal: expect.any(Number), differing: 0 });
  expect(span.replay).toMatchObject({ archive: from15, from: since(20) });
  expect(countsOf(part).equal).toBeLessThan(countsOf(tiers).equal);

  // Nothing of use: the log alone, with the reason.
  const alone = bench.asked(5, 'usage');
  const why = 'record 43 of the log was not archived';
  expect(countsOf(await bench.replay(alone, { archived: () => ({ runs: [], why }) })).differing).toBe(0);
  expect(alone.replay).toMatchObject({ archive: `not read: ${why}`, from: since(44) });
  await bench.close();
}, 600_000);

test('a restored board reads the archive on, and writes over nothing that came to it after the backup', async () => {
  const site = siteOf(4000, 6 * HOUR_MS);
  const records = recordsOf(60, 1_200_000);
  const was = await ReplayBench.open(join(dir, 'was'), site);
  await was.take(records.slice(0, 30));
  await was.archive(12, 20);
  const restored = join(dir, 'restored');
  mkdirSync(restored);
  for (const name of ['archive.json', 'runs.ndjson'])
    copyFileSync(join(dir, 'was', name), join(restored, name));
  await was.take(records.slice(30, 40));
  await was.archive(35, 40);
  await was.close();
  const place = join(dir, 'was', 'archive');
  const folder = join(place, 'raw', 'electricity');
  const files = readdirSync(folder).map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
  expect(files).toHaveLength(4);

  // The log of the backup, and then other readings under the numbers of those that were lost.
  const bench = await ReplayBench.open(restored, site, { place, life: '-restored-20261127T081500Z' });
  await bench.take([...records.slice(0, 30), ...records.slice(40)]);
  await bench.archive(48);
  for (const { name, bytes } of files) expect(readFileSync(join(folder, name)), name).toEqual(bytes);
  expect(readdirSync(folder)).toHaveLength(5);
  await bench.forgetBefore(47);
  const stored = bench.asked(1, 'usage');
  const counts = countsOf(await bench.replay(stored));
  expect(counts).toEqual({ equal: expect.any(Number), differing: 0 });
  expect(counts.equal).toBeGreaterThan(300);
  expect(stored.replay).toMatchObject({ archive: 'records 1 to 46 of the log', from: null });
  await bench.close();
}, 600_000);

test('where the log or the archive begins while the clock was not trusted, what comes after it is compared', async () => {
  const bench = await ReplayBench.open(join(dir, 'clock'), siteOf(4000, 6 * HOUR_MS));
  const records = recordsOf(30, 1_200_000);
  for (const at of [8, 9, 10])
    records[at] = { wallMs: Date.UTC(1986, 0, 1), clockTrusted: false, readings: records[at].readings };
  await bench.take(records);
  const from = records[11].wallMs + HOUR_MS + 5 * 60_000;
  await bench.forgetBefore(9);
  const inLog = bench.asked(1, 'usage');
  expect(countsOf(await bench.replay(inLog)).differing).toBe(0);
  expect(inLog.replay.from).toBe(from);
  await bench.archive(10, 20);
  await bench.forgetBefore(19);
  const archived = bench.asked(2, 'usage');
  expect(countsOf(await bench.replay(archived)).differing).toBe(0);
  expect(archived.replay).toMatchObject({ from, records: { from: 9 } });
  await bench.close();
}, 600_000);

test('where no clock was trusted since the log begins, nor is now, what it has every reading of cannot be told', async () => {
  const bench = await ReplayBench.open(join(dir, 'no-clock'), siteOf(4000, 6 * HOUR_MS));
  const records = recordsOf(30, 1_200_000);
  // The devices know the time.
  for (const one of records.slice(10))
    Object.assign(one, { wallMs: Date.UTC(1986, 0, 1), clockTrusted: false });
  await bench.take(records);
  await bench.forgetBefore(22);
  bench.clockTrusted = false;
  await expect(bench.replay(bench.asked(1, 'usage'))).rejects.toThrow('nor has the board');
  bench.clockTrusted = true;
  bench.nowMs = WALL_MS + 30 * 1_200_000;
  const stored = bench.asked(2, 'usage');
  expect(countsOf(await bench.replay(stored)).differing).toBe(0);
  expect(stored.replay.from).toBe(bench.nowMs + HOUR_MS + 5 * 60_000);
  await bench.close();
}, 600_000);
