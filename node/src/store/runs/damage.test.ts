import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isWeirError } from '../../contract/index.ts';
import { setStoreAside } from './level-files.ts';
import type { LevelRunStore } from './level-run-store.ts';
import {
  CRASH_SHARDS,
  CRASH_TABLES,
  modelAt,
  openCrashStore,
  writeCheckpoint,
} from './testing/crash-writer.ts';
import { entriesOf } from './testing/sample-entries.ts';

const CHECKPOINTS = 24;
let sound = '';
let dir = '';
let place = '';

/** A store with table files, a write-ahead log, folded runs and small ones: what each test damages a copy of. */
beforeAll(async () => {
  sound = await mkdtemp(path.join(tmpdir(), 'weir-sound-'));
  let store = await openCrashStore(path.join(sound, 'store'));
  for (let p = 1; p <= CHECKPOINTS; p++) {
    if (p === 6) while (await store.foldSome(50));
    if (p === CHECKPOINTS - 3) {
      // Opening makes a table file of what stood in the write-ahead log.
      await store.close();
      store = await openCrashStore(path.join(sound, 'store'));
    }
    for (const shard of CRASH_SHARDS) await writeCheckpoint(store, shard, p);
  }
  await store.close();
});
afterAll(() => rm(sound, { recursive: true }));
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'weir-damaged-'));
  place = path.join(dir, 'store');
  await freshCopy();
});
afterEach(() => rm(dir, { recursive: true }));

describe('row 17: one flipped bit in a table file', () => {
  test('is never served: each shard answers what is right, or that it is damaged', async () => {
    let noticed = 0;
    let flips = 0;
    for (const file of await filesOf('.ldb')) {
      const pristine = await readFile(file);
      for (let at = 13; at < pristine.length; at += Math.ceil(pristine.length / 50)) {
        await freshCopy();
        const bytes = Buffer.from(pristine);
        bytes[at] ^= 1 << (flips % 8);
        await writeFile(file, bytes);
        if (await damageIsKnown(`byte ${at} of ${path.basename(file)}, bit ${flips % 8}`)) noticed++;
        flips++;
      }
    }
    expect(noticed).toBeGreaterThan(flips / 2);
  }, 60_000);

  test('is found by scrubbing, by shard, table and period, and the others go on', async () => {
    const store = await openCrashStore(place);
    const keys: Buffer[] = [];
    for await (const key of store.blockKeys()) keys.push(Buffer.from(key));
    await store.close();
    await flipInTables(keys);
    const again = await openCrashStore(place);
    const progress: number[] = [];
    const damage = await again.scrub((done) => progress.push(done));
    expect(damage).toHaveLength(1);
    const { shard, table, period } = damage[0];
    expect(table).toBe('many');
    expect(progress.at(-1)).toBe(again.stats().runs);
    expect(codeOf(() => [...again.view(shard).scan('many', period!)])).toBe('WEIR_STORE_DAMAGED');
    const other = CRASH_SHARDS.find((one) => one !== shard)!;
    expect(entriesOf(again, other, CRASH_TABLES)).toEqual(modelAt(CHECKPOINTS));
    await again.reset(shard);
    expect(again.position(shard)).toBe(0);
    for (let p = 1; p <= CHECKPOINTS; p++) await writeCheckpoint(again, shard, p);
    expect(entriesOf(again, shard, CRASH_TABLES)).toEqual(modelAt(CHECKPOINTS));
    expect(await again.scrub()).toEqual([]);
    await again.close();
  });
});

test('row 16: one flipped bit in the write-ahead log never shows as a wrong value', async () => {
  const [file] = await filesOf('.log');
  const pristine = await readFile(file);
  expect(pristine.length).toBeGreaterThan(10_000);
  for (let flip = 0; flip < 30; flip++) {
    await freshCopy();
    const bytes = Buffer.from(pristine);
    const at = Math.floor(((flip + 0.5) / 30) * bytes.length);
    bytes[at] ^= 1 << (flip % 8);
    await writeFile(file, bytes);
    await damageIsKnown(`byte ${at} of ${bytes.length}`);
  }
}, 60_000);

test('row 18: a table file that is gone is noticed at opening; moved aside, an empty store takes its place', async () => {
  const files = await filesOf('.ldb');
  await rm(files[Math.floor(files.length / 2)]);
  await expect(openCrashStore(place)).rejects.toMatchObject({ code: 'WEIR_STORE_DAMAGED' });
  const aside = await setStoreAside(place);
  expect(path.basename(aside)).toBe('store.damaged-1');
  const store = await openCrashStore(place);
  expect(store.position(0)).toBe(0);
  await store.close();
  expect(path.basename(await setStoreAside(place))).toBe('store.damaged-2');
  expect(await readdir(dir)).toEqual(['store.damaged-2']);
});

test('row 18: a truncated table file is noticed, and never served in part', async () => {
  for (const file of await filesOf('.ldb')) await truncate(file, Math.floor((await stat(file)).size / 2));
  expect(await damageIsKnown('truncated')).toBe(true);
});

test('row 19: without CURRENT nothing is created in place of the data', async () => {
  await rm(path.join(place, 'CURRENT'));
  const before = (await readdir(place)).filter((name) => name.endsWith('.ldb'));
  await expect(openCrashStore(place)).rejects.toMatchObject({ code: 'WEIR_DATA_MISSING' });
  await rm(path.join(place, 'WEIR-STORE'));
  await expect(openCrashStore(place)).rejects.toMatchObject({ code: 'WEIR_DATA_MISSING' });
  expect((await readdir(place)).filter((name) => name.endsWith('.ldb'))).toEqual(before);
});

test('row 3: a store whose creation was cut short is created anew', async () => {
  for (const name of ['CURRENT', 'MANIFEST-000001', '000003.log']) {
    await rm(place, { recursive: true });
    const store = await openCrashStore(place);
    await store.close();
    await rm(path.join(place, 'WEIR-STORE'));
    for (const left of await readdir(place))
      if (left === name || left === 'LOCK') await rm(path.join(place, left));
    if (name === 'MANIFEST-000001') await truncateAll('MANIFEST');
    const again = await openCrashStore(place);
    await writeCheckpoint(again, 0, 1);
    expect(again.position(0)).toBe(1);
    await again.close();
  }
});

test('a store that is open is not opened again', async () => {
  const store = await openCrashStore(place);
  await expect(openCrashStore(place)).rejects.toMatchObject({ code: 'WEIR_DATA_IN_USE' });
  await store.close();
});

/** Opening rewrites files, so each flip begins with the files as they were. */
async function freshCopy(): Promise<void> {
  await rm(place, { recursive: true, force: true });
  await cp(path.join(sound, 'store'), place, { recursive: true });
}

/** Opens and reads everything: throws when anything is wrong without being said to be. True when damage was said. */
async function damageIsKnown(what: string): Promise<boolean> {
  let store: LevelRunStore;
  try {
    store = await openCrashStore(place);
  } catch (fault) {
    expect(isWeirError(fault) && fault.code, what).toBe('WEIR_STORE_DAMAGED');
    return true;
  }
  let damaged = false;
  try {
    for (const shard of CRASH_SHARDS) {
      const code = codeOf(() => {
        // A log that lost its last commits leaves an older state, which is replayed from there.
        const position = store.position(shard);
        expect(entriesOf(store, shard, CRASH_TABLES), `${what}, shard ${shard}`).toEqual(modelAt(position));
      });
      if (code !== null) {
        expect(code, what).toBe('WEIR_STORE_DAMAGED');
        damaged = true;
      }
    }
  } finally {
    await store.close();
  }
  return damaged;
}

function codeOf(work: () => void): string | null {
  try {
    work();
    return null;
  } catch (fault) {
    if (isWeirError(fault)) return fault.code;
    throw fault;
  }
}

async function filesOf(ending: string): Promise<string[]> {
  const names = (await readdir(place)).filter((name) => name.endsWith(ending)).sort();
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(place, name))).size));
  const largest = names.map((name, at) => ({ name, size: sizes[at] })).sort((a, b) => b.size - a.size);
  return largest.map(({ name }) => path.join(place, name));
}

async function truncateAll(prefix: string): Promise<void> {
  for (const name of await readdir(place))
    if (name.startsWith(prefix)) await truncate(path.join(place, name), 3);
}

/** Flips a bit in the value of one block, in a table file; LevelDB writes only every 16th key as it is. */
async function flipInTables(keys: Buffer[]): Promise<void> {
  for (const file of await filesOf('.ldb')) {
    const bytes = await readFile(file);
    const key = keys.find((one) => bytes.includes(one));
    if (key === undefined) continue;
    const at = bytes.indexOf(key) + key.length + 60;
    bytes[at] ^= 4;
    await writeFile(file, bytes);
    return;
  }
  throw new Error('No table file holds a block under its whole key.');
}
