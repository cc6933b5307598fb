import assert from 'node:assert/strict';
import { isWeirError } from '../../../contract/index.ts';
import type { RunStore } from '../../../engine/run-store.ts';
import { type LevelRunStore, openLevelRunStore } from '../level-run-store.ts';
import { bytes, entriesOf, join, type Model, modelPut } from './sample-entries.ts';

/** A writer that the crash tests kill. What checkpoint p of a shard holds is a function of p alone. */
export const CRASH_SHARDS = [0, 4];
export const CRASH_TABLES = ['few', 'many'];

export function openCrashStore(dir: string): Promise<LevelRunStore> {
  const tuning = {
    runsMax: 3,
    quietCheckpoints: 4,
    blockBytes: 1024,
    writeBufferBytes: 128 * 1024,
    compactFromBytes: 2048,
  };
  return openLevelRunStore({ dir, shards: CRASH_SHARDS, merge: () => join, tuning });
}

/** Entries in key order a table and period. */
function* entriesAt(p: number): Generator<[table: string, period: number, key: string, value: string]> {
  const period = Math.floor(p / 8);
  yield ['few', period, '', `${p};`];
  for (let at = 0; at < 150; at++)
    if ((at * 7 + p) % 3 > 0)
      yield ['many', period - (at % 2), `key${String(at).padStart(6, '0')}`, `${p}.${at};`.repeat(6)];
}

/** Periods before it are dropped at some time after checkpoint p. */
export function droppedBefore(p: number): number {
  return Math.floor(p / 8) - 3;
}

export function modelAt(position: number): Model {
  const model: Model = new Map();
  for (let p = 1; p <= position; p++) for (const entry of entriesAt(p)) modelPut(model, ...entry);
  return model;
}

export async function writeCheckpoint(store: RunStore, shard: number, p: number): Promise<void> {
  const checkpoint = store.checkpoint(shard, p);
  try {
    for (const [table, period, key, value] of entriesAt(p)) {
      checkpoint.put(table, period, bytes(key), bytes(value));
      if (checkpoint.pendingBytes() > 2_000) await checkpoint.flush();
    }
    await checkpoint.commit();
  } catch (fault) {
    await checkpoint.abandon();
    throw fault;
  }
}

async function writeUntilKilled(dir: string): Promise<void> {
  const store = await openCrashStore(dir);
  for (;;)
    for (const shard of CRASH_SHARDS) {
      const p = store.position(shard) + 1;
      await writeCheckpoint(store, shard, p);
      process.stdout.write(`${shard} ${p}\n`);
      for (const table of CRASH_TABLES) await store.dropBefore(shard, table, droppedBefore(p));
      while (await store.foldSome(1));
      if (p % 16 === 0) await store.compact();
    }
}

/** Repeats what fails, as an engine does, until each shard has come so far; tells how often something failed. */
async function writeThrough(dir: string, checkpoints: number): Promise<void> {
  const store = await openCrashStore(dir);
  let failed = 0;
  for (const shard of CRASH_SHARDS)
    while (store.position(shard) < checkpoints)
      try {
        await writeCheckpoint(store, shard, store.position(shard) + 1);
        while (await store.foldSome(1));
      } catch (fault) {
        if (!isWeirError(fault)) throw fault;
        failed++;
      }
  for (const shard of CRASH_SHARDS)
    assert.deepEqual(entriesOf(store, shard, CRASH_TABLES), modelAt(checkpoints));
  process.stdout.write(`${failed}\n`);
  await store.close();
}

const [, self, dir, checkpoints] = process.argv;
if (self.endsWith('crash-writer.ts') && dir !== undefined)
  await (checkpoints === undefined ? writeUntilKilled(dir) : writeThrough(dir, Number(checkpoints)));
