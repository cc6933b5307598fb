import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isWeirError } from '../../contract/index.ts';
import type { LevelRunStore } from './level-run-store.ts';
import {
  CRASH_SHARDS,
  CRASH_TABLES,
  modelAt,
  openCrashStore,
  writeCheckpoint,
} from './testing/crash-writer.ts';
import { entriesOf } from './testing/sample-entries.ts';

let dir = '';
let mounted = false;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'weir-runs-'));
});
afterEach(async () => {
  if (mounted) spawnSync('umount', ['-l', path.join(dir, 'small')]);
  mounted = false;
  await rm(dir, { recursive: true });
});

test('row 10: on a full disk checkpoints are refused, reads go on, and it recovers without a restart', async ({
  skip,
}) => {
  const small = path.join(dir, 'small');
  await mkdir(small);
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', small], { encoding: 'utf8' });
  if (mount.status !== 0) skip(`no tmpfs of 24 MB can be mounted: ${mount.stderr}`);
  mounted = true;
  const store = await openCrashStore(path.join(small, 'store'));
  let refusals = 0;
  for (const leave of [0, 4, 16, 40, 80]) {
    await fillUp(small, leave * 1024);
    refusals += await writeTillRefused(store);
    expectModels(store);
    expect(store.stats().state).toBe('failed');
    await expect(writeCheckpoint(store, 0, store.position(0) + 1)).rejects.toMatchObject({
      code: 'WEIR_STORE_FULL',
    });
    await rm(path.join(small, 'filler'));
    for (const shard of CRASH_SHARDS) await writeCheckpoint(store, shard, store.position(shard) + 1);
    while (await store.foldSome(50));
    expectModels(store);
    expect(store.stats().state).toBe('ok');
  }
  expect(refusals).toBe(5);
  expect(await store.scrub()).toEqual([]);
  await store.close();
  const again = await openCrashStore(path.join(small, 'store'));
  expectModels(again);
  await again.close();
}, 60_000);

test('row 12: a failed fsync is no commit; the handle is opened again and nothing counts twice', async ({
  skip,
}) => {
  if (spawnSync('strace', ['-V']).error) skip('strace is not installed');
  const script = fileURLToPath(new URL('./testing/crash-writer.ts', import.meta.url));
  const failures = ['-f', '-qq', '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=6+5'];
  const args = [...failures, '-o', '/dev/null', process.execPath, script, path.join(dir, 'store'), '20'];
  const run = promisify(execFile)('strace', args, { timeout: 55_000 });
  const outcome = await run.catch((fault: Error & { stderr: string }) => fault);
  if (outcome instanceof Error) {
    if (/ptrace/.test(outcome.stderr)) skip(`strace may not trace here: ${outcome.stderr}`);
    throw outcome;
  }
  expect(Number(outcome.stdout)).toBeGreaterThan(0);
  const store = await openCrashStore(path.join(dir, 'store'));
  for (const shard of CRASH_SHARDS) expect(store.position(shard)).toBe(20);
  expectModels(store);
  await store.close();
}, 60_000);

async function fillUp(small: string, leaveBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(small);
  await writeFile(path.join(small, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
}

/** Writes in turn until a checkpoint is refused, which is 1 refusal; a bound keeps a wrong store from going on. */
async function writeTillRefused(store: LevelRunStore): Promise<number> {
  for (let tries = 0; tries < 200; tries++)
    for (const shard of CRASH_SHARDS)
      try {
        await writeCheckpoint(store, shard, store.position(shard) + 1);
      } catch (fault) {
        if (!isWeirError(fault)) throw fault;
        expect(fault.code).toBe('WEIR_STORE_FULL');
        return 1;
      }
  return 0;
}

function expectModels(store: LevelRunStore): void {
  for (const shard of CRASH_SHARDS)
    expect(entriesOf(store, shard, CRASH_TABLES)).toEqual(modelAt(store.position(shard)));
}
