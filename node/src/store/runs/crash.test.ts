import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LevelRunStore } from './level-run-store.ts';
import {
  CRASH_SHARDS,
  CRASH_TABLES,
  droppedBefore,
  modelAt,
  openCrashStore,
  writeCheckpoint,
} from './testing/crash-writer.ts';
import { entriesOf, type Model } from './testing/sample-entries.ts';

const KILLS = 20;
let dir = '';

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'weir-runs-'));
});
afterEach(() => rm(dir, { recursive: true }));

test(`rows 4, 5, 8: killed ${KILLS} times at any point, each shard holds exactly what its position says`, async () => {
  const place = path.join(dir, 'store');
  let printed = new Map<number, number>();
  for (let kill = 0; kill < KILLS; kill++) {
    printed = await writeAndKill(place, 1 + Math.floor(Math.random() * 12));
    const store = await openCrashStore(place);
    try {
      for (const shard of CRASH_SHARDS) {
        expect(store.position(shard)).toBeGreaterThanOrEqual(printed.get(shard) ?? 0);
        expectModel(store, shard);
      }
      expect(await store.scrub()).toEqual([]);
    } finally {
      await store.close();
    }
  }
}, 120_000);

test('a checkpoint without commit is gone after a restart, its blocks too', async () => {
  const place = path.join(dir, 'store');
  let store = await openCrashStore(place);
  await writeCheckpoint(store, 0, 1);
  const before = await blocksIn(store);
  const checkpoint = store.checkpoint(0, 2);
  for (let at = 0; at < 500; at++)
    checkpoint.put(
      'many',
      0,
      Buffer.from(`key${String(at).padStart(6, '0')}`),
      Buffer.from(`${at * 7919}`.repeat(9)),
    );
  await checkpoint.flush();
  expect(await blocksIn(store)).toBeGreaterThan(before);
  await store.close();
  store = await openCrashStore(place);
  expectModel(store, 0);
  expect(await blocksIn(store)).toBe(before);
  await store.close();
});

/** Waits until the child has committed so many times, kills it, and answers the last positions it told. */
async function writeAndKill(place: string, commits: number): Promise<Map<number, number>> {
  const script = fileURLToPath(new URL('./testing/crash-writer.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, place], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = new Map<number, number>();
  let left = commits;
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout! })) {
    const [shard, p] = line.split(' ').map(Number);
    told.set(shard, p);
    left--;
    if (left === 0) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  expect(signal).toBe('SIGKILL');
  return told;
}

/** Dropped periods may be there or not, but never in part. */
function expectModel(store: LevelRunStore, shard: number): void {
  const position = store.position(shard);
  const expected = modelAt(position);
  const found = entriesOf(store, shard, CRASH_TABLES);
  for (const table of CRASH_TABLES)
    for (const period of periodsOf(expected, table)) {
      const there = found.get(table)?.get(period);
      const gone = there === undefined && period < droppedBefore(position);
      if (!gone) expect(there).toEqual(expected.get(table)!.get(period));
    }
  for (const table of CRASH_TABLES)
    for (const period of periodsOf(found, table)) expect(expected.get(table)?.has(period)).toBe(true);
}

function periodsOf(model: Model, table: string): number[] {
  return [...(model.get(table)?.keys() ?? [])];
}

async function blocksIn(store: LevelRunStore): Promise<number> {
  let blocks = 0;
  for await (const _ of store.blockKeys()) blocks++;
  return blocks;
}
