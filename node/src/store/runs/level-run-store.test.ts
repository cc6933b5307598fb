import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { openLevelRunStore } from './level-run-store.ts';
import { runStoreSuite } from './testing/run-store.suite.ts';
import { join } from './testing/sample-entries.ts';

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
    async dropBefore(shard, table, period) {
      await store.dropBefore(shard, table, period);
    },
    async dispose() {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
});
