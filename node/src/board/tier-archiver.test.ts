import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { readRows } from '../archive/read-rows.ts';
import type { Row } from '../archive/row.ts';
import {
  finishSeries,
  layoutOf,
  type ShardReadQuestion,
  type Site,
  stepBoundaries,
} from '../contract/index.ts';
import { chunkSpanMs, periodOf, TABLES } from '../contract/measures/tables.ts';
import { driven } from '../engine/driven.ts';
import { ShardEngine } from '../engine/engine.ts';
import { buildRecord } from '../engine/testing/build-record.ts';
import { MemoryRunStore } from '../engine/testing/memory-run-store.ts';
import { testSite } from '../engine/testing/test-site.ts';
import { TierArchiver } from './tier-archiver.ts';

const work = mkdtempSync(join(tmpdir(), 'weir-tiers-'));
afterAll(() => rmSync(work, { recursive: true }));

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 9, 23);
const DAYS = 4;
const SHARD = 3;
const TIER = 1;
const spanMs = chunkSpanMs(15 * 60_000);
const table = TABLES.buckets('usage', ['meter'], '15m');

function siteFor(dir: string): Site {
  const plain = testSite({ idFields: ['meter', 'ts'] });
  return { ...plain, retention: { ...plain.retention, archive: { dir, format: 'csv' } } };
}

/** Two meters, every forty minutes for four days; their registers grow by ten and by seven. */
async function counted(site: Site) {
  const store = new MemoryRunStore();
  const engine = new ShardEngine({ site, shard: SHARD, store });
  engine.load();
  let seq = 0;
  for (let at = START; at < START + DAYS * DAY_MS; at += 40 * 60_000) {
    const n = (at - START) / (40 * 60_000);
    const readings = ['a', 'b'].map((key, m) => ({
      key,
      time: at + m * 1000,
      numbers: { kwh: n * (m === 0 ? 10 : 7), watts: n },
      texts: { state: n % 2 ? 'NY' : null },
    }));
    engine.apply(
      buildRecord(site.streams[0], SHARD, ++seq, { wallMs: at + 2_000, clockTrusted: true, readings }),
    );
  }
  const checkpoint = engine.checkpoint();
  while (checkpoint.slice());
  await checkpoint.commit();
  return { engine, store };
}

async function bench(name: string) {
  const place = join(work, name);
  const site = siteFor(place);
  const { engine, store } = await counted(site);
  let now = START + DAYS * DAY_MS + 2 * HOUR_MS;
  const ask = async <T>(method: string, params: unknown): Promise<T[]> => {
    const question = params as ShardReadQuestion & { table: string; before: number };
    if (method === 'periods')
      return [store.view(SHARD).periods(question.table, Number.MIN_SAFE_INTEGER, question.before - 1) as T];
    if (question.shards !== null && !question.shards.includes(SHARD))
      return [{ groups: [], chunks: [], truncated: false, watermark: null } as T];
    return [driven(engine.read(question)) as T];
  };
  const entry = new URL('../shard/thread-entry.ts', import.meta.url);
  const logger = pino({ level: 'silent' });
  const make = () =>
    TierArchiver.of({
      site,
      file: join(work, `${name}.json`),
      life: '',
      entry,
      logger,
      nowMs: () => now,
      ask,
    })!;
  const later = (ms: number) => {
    now += ms;
  };
  return { place, site, engine, make, later };
}

async function rowsBelow(place: string): Promise<Row[]> {
  const folder = join(place, 'tiers', 'usage');
  const columns = [
    { name: 'time', type: 'time' as const },
    { name: 'meter', type: 'text' as const },
    ...['kwh', 'power', 'watts', 'load', 'peak', 'readings'].map((name) => ({
      name,
      type: 'number' as const,
    })),
  ];
  const rows: Row[] = [];
  for (const name of readdirSync(folder).sort())
    for await (const row of readRows(join(folder, name), 'csv', columns)) rows.push(row);
  return rows.sort(
    (a, b) => String(a.meter).localeCompare(String(b.meter)) || Number(a.time) - Number(b.time),
  );
}

test('buckets are in files before they are dropped, each once, and registers go on over the ends of files', async () => {
  const { place, site, engine, make, later } = await bench('once');
  mkdirSync(place);
  const first = make();
  const until = periodOf(START + 1.5 * DAY_MS, spanMs);
  const allowed = await first.run([
    { table, beforePeriod: until },
    { table: 'history/electricity', beforePeriod: 5 },
  ]);
  expect(first.fault).toBeNull();
  expect(allowed[1]).toEqual({ table: 'history/electricity', beforePeriod: 5 });
  // The newest period that is archived stays: the next one's registers begin in it.
  const lastAllowed = allowed[0].beforePeriod;
  expect(lastAllowed).toBeLessThanOrEqual(until);
  expect(lastAllowed).toBeGreaterThan(periodOf(START, spanMs) - 1);
  await first.close();
  later(2 * DAY_MS);
  const second = make();
  await second.run([{ table, beforePeriod: periodOf(START + 3 * DAY_MS, spanMs) }]);
  await second.run([{ table, beforePeriod: periodOf(START + 3 * DAY_MS, spanMs) }]);
  await second.close();
  const rows = await rowsBelow(place);
  const to = Math.max(...rows.map(({ time }) => Number(time))) + 15 * 60_000;
  const rollup = site.rollups[0];
  const question = {
    rollup: 'usage',
    groupBy: 0,
    tier: TIER,
    from: START,
    to,
    where: [],
    maxGroups: 9,
    edges: true,
  };
  const parts = driven(engine.read({ ...question, forgotten: true }));
  const expected = parts.groups.flatMap(([meter], at) => {
    const plan = {
      layout: layoutOf(rollup, 0, site.streams[0]),
      measures: rollup.measures,
      steps: stepBoundaries(site.timezone, 15 * 60_000, 15 * 60_000),
      from: START,
      to,
      watermark: null,
      latenessMs: 0,
    };
    const { time, values } = finishSeries(plan, [parts.chunks[at]]);
    return time.map((start, n) => ({
      time: start,
      meter,
      ...Object.fromEntries(Object.entries(values).map(([name, column]) => [name, column[n]])),
    }));
  });
  expected.sort((a, b) => String(a.meter).localeCompare(String(b.meter)) || a.time - b.time);
  expect(rows).toEqual(expected);
  expect(rows.length).toBeGreaterThan(2 * 2 * 36);
}, 240_000);

test('a tier waits for a directory that is not there', async () => {
  const { place, make } = await bench('missing');
  const archiver = make();
  const drops = [{ table, beforePeriod: periodOf(START + 3 * DAY_MS, spanMs) }];
  expect(await archiver.run(drops)).toEqual([]);
  expect(archiver.fault).toMatch(/there is no directory/);
  mkdirSync(place);
  expect(await archiver.run(drops)).toHaveLength(1);
  expect(archiver.fault).toBeNull();
  await archiver.close();
}, 240_000);
