import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BENCH_KEYS, BENCH_SHARD, ReplayBench } from '../board/testing/replay-bench.ts';
import { testSite } from '../engine/testing/test-site.ts';
import { ReplayLoop } from './replay-loop.ts';
import type { ArchivedAnswer } from './shadow-messages.ts';
import { STORES } from './thread-messages.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-replay-loop-'));
afterAll(() => rmSync(dir, { recursive: true }));

const WALL_MS = Date.UTC(2026, 9, 20, 22);

test('an archive of many small runs is not held in memory as a whole', async () => {
  const site = testSite({ idFields: ['meter', 'ts'] });
  const bench = await ReplayBench.open(join(dir, 'bench'), site);
  const records = Array.from({ length: 7 }, (_, at) => ({
    wallMs: WALL_MS + at * 60_000,
    clockTrusted: true,
    readings: BENCH_KEYS.map((key) => ({
      key,
      time: WALL_MS + at * 60_000 - 1,
      numbers: { kwh: at, watts: 1 },
      texts: { state: 'NY' },
    })),
  }));
  await bench.take(records);
  await bench.archive(...records.map((_, at) => at + 1));
  const checkpointReadings = 3 * BENCH_KEYS.length;
  const loop = new ReplayLoop({
    kind: 'replay',
    site,
    rollups: ['usage'],
    storeDir: join(dir, 'shadow'),
    stores: [BENCH_SHARD % STORES],
    checkpointReadings,
    since: null,
    // Otherwise it would lower the priority of the tests.
    urgent: true,
  });
  await loop.calls.open();
  const found = bench.runs.before(records.length + 1, ['electricity']);
  if (found === null || found.why !== null) throw new Error('not all is archived');
  const kept: number[] = [];
  for (const run of found.runs) {
    let answer: ArchivedAnswer;
    do answer = await loop.calls.archived({ run, nowMs: bench.nowMs });
    while (!answer.done);
    kept.push(answer.kept);
  }
  await loop.calls.close();
  await bench.close();
  // Every third run, each of one record, fills a checkpoint.
  expect(kept).toEqual(records.map((_, at) => Math.floor((at + 1) / 3) * 3));
}, 600_000);
