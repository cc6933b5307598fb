import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compactionRanges } from './compaction-ranges.ts';
import { bytesOnDisk } from './level-files.ts';
import { type LevelRunStore, openLevelRunStore } from './level-run-store.ts';
import { join } from './testing/sample-entries.ts';

let dir = '';
let store: LevelRunStore;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'weir-runs-'));
  store = await open();
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true });
});

function open(): Promise<LevelRunStore> {
  const tuning = { writeBufferBytes: 1024 * 1024, compactFromBytes: 1024 * 1024, blockBytes: 4096 };
  return openLevelRunStore({ dir: path.join(dir, 'store'), shards: [0], merge: () => join, tuning });
}

test('row 5: dropping periods writes next to nothing, and their room comes back', async () => {
  for (let period = 0; period < 8; period++) await fill(period, 8_000);
  const before = store.stats();
  const sizeBefore = await bytesOnDisk(path.join(dir, 'store'));
  const dropped = await store.dropBefore(0, 'roll', 6);
  while (await store.foldSome(50));
  await store.compact();
  const after = store.stats();
  expect(dropped.bytes).toBeGreaterThan(0.7 * before.bytes);
  expect(after.bytes).toBe(before.bytes - dropped.bytes);
  expect(after.writtenBytes - before.writtenBytes).toBeLessThan(0.01 * dropped.bytes);
  expect(await bytesOnDisk(path.join(dir, 'store'))).toBeLessThan(sizeBefore - 0.8 * dropped.bytes);
  expect(store.view(0).periods('roll', -Infinity, Infinity)).toEqual([6, 7]);
  expect(await store.scrub()).toEqual([]);
});

test('row 5: what a restart finds half cleared is cleared, and nothing else is', async () => {
  for (let period = 0; period < 3; period++) await fill(period, 40_000);
  await store.dropBefore(0, 'roll', 1);
  // One batch of deletions, of several that it takes.
  await store.foldSome(1);
  expect(store.stats().garbageRuns).toBe(1);
  await store.close();
  store = await open();
  expect(store.stats().garbageRuns).toBe(1);
  while (await store.foldSome(50));
  expect(store.stats().garbageRuns).toBe(0);
  expect(store.view(0).periods('roll', -Infinity, Infinity)).toEqual([1, 2]);
  expect(await store.scrub()).toEqual([]);
});

test('a range is compacted only where little that is kept stands between', () => {
  const cleared = [1, 2, 3, 10, 11, 50].map((run) => ({ run, bytes: 100 }));
  const kept = [
    { run: 5, bytes: 90 },
    { run: 20, bytes: 5_000 },
  ];
  expect(compactionRanges(cleared, kept, 150)).toEqual([{ from: 1, to: 11, deadBytes: 500 }]);
  expect(compactionRanges(cleared, [{ run: 5, bytes: 110 }], 150)).toEqual([
    { from: 1, to: 3, deadBytes: 300 },
    { from: 10, to: 50, deadBytes: 300 },
  ]);
  expect(compactionRanges([], kept, 0)).toEqual([]);
});

/** One run; values that hardly compress. */
async function fill(period: number, entries: number): Promise<void> {
  const checkpoint = store.checkpoint(0, store.position(0) + 1);
  for (let at = 0; at < entries; at++) {
    const value = createHash('sha512').update(`${period}|${at}`).digest();
    checkpoint.put(
      'roll',
      period,
      Buffer.from(`key${String(at).padStart(9, '0')}`),
      Buffer.concat([value, value]),
    );
    if (checkpoint.pendingBytes() > 256 * 1024) await checkpoint.flush();
  }
  await checkpoint.commit();
}
