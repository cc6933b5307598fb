import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { expect, test } from 'vitest';
import { openLevelRunStore } from './level-run-store.ts';
import { runStoreSuite } from './testing/run-store.suite.ts';
import { bytes, join, text } from './testing/sample-entries.ts';

runStoreSuite('LevelDB', async () => {
  const dir = await mkdtemp(path(tmpdir(), 'weir-runs-'));
  const open = () => openLevelRunStore({ dir: path(dir, 'store'), shards: [0, 4], merge: () => join });
  let store = await open();
  return {
    store,
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async fold() {
      let more = true;
      while (more) more = await store.foldSome(2, true);
    },
    async foldSome() {
      await store.foldSome(0, true);
    },
    async dropBefore(shard, table, period) {
      await store.dropBefore(shard, table, period);
    },
    async dispose() {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
});

test('a period whose fold waits for its commit is not folded a second time by what a checkpoint adds', async () => {
  const dir = await mkdtemp(path(tmpdir(), 'weir-runs-'));
  const store = await openLevelRunStore({ dir: path(dir, 'store'), shards: [0], merge: () => join });
  const put = async (position: number) => {
    const checkpoint = store.checkpoint(0, position);
    checkpoint.put('roll', 0, bytes('a'), bytes(`${position};`));
    await checkpoint.commit();
  };
  for (let position = 1; position <= 3; position++) await put(position);
  await store.foldSome(0, true);
  expect(store.stats().folds).toBe(0);
  await put(4);
  while (await store.foldSome(0, true));
  const view = store.view(0);
  expect(view.get('roll', 0, bytes('a')).map(text)).toEqual(['1;2;3;4;']);
  view.close();
  expect(store.stats()).toMatchObject({ runs: 1, folds: 2 });
  await store.close();
  await rm(dir, { recursive: true });
});
