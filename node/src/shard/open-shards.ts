import { join } from 'node:path';
import { isWeirError, LIMITS, mergeFor } from '../contract/index.ts';
import { ShardEngine } from '../engine/engine.ts';
import { setStoreAside } from '../store/runs/level-files.ts';
import { type LevelRunStore, openLevelRunStore } from '../store/runs/level-run-store.ts';
import { STORES, type ThreadSetup } from './thread-messages.ts';

export interface OpenedShards {
  engines: Map<number, ShardEngine>;
  stores: Map<number, LevelRunStore>;
  /** Shards whose stored state was damaged or gone: they start at position 0. */
  rebuilt: number[];
}

/** Opens the stores of a thread and loads an engine for each of their shards. */
export async function openShards(setup: ThreadSetup): Promise<OpenedShards> {
  const opened: OpenedShards = { engines: new Map(), stores: new Map(), rebuilt: [] };
  for (const number of setup.stores) {
    const dir = join(setup.storeDir, String(number));
    const shards = shardsOf(number);
    let store = await openStore(dir, shards, opened.rebuilt);
    try {
      await loadShards(setup, store, shards, opened);
    } catch (fault) {
      if (!isWeirError(fault) || fault.code !== 'WEIR_STORE_DAMAGED') throw fault;
      // The damage lies where a shard's part would be emptied: then all of the store begins anew.
      await store.close();
      await setStoreAside(dir);
      store = await openStore(dir, shards, opened.rebuilt);
      opened.rebuilt.push(...shards.filter((shard) => !opened.rebuilt.includes(shard)));
      await loadShards(setup, store, shards, opened);
    }
    opened.stores.set(number, store);
  }
  return opened;
}

async function loadShards(
  setup: ThreadSetup,
  store: LevelRunStore,
  shards: number[],
  { engines, rebuilt }: OpenedShards,
): Promise<void> {
  for (const { shard } of store.damaged()) await rebuild(store, shard, rebuilt);
  for (const shard of shards) engines.set(shard, await loadEngine(setup, store, shard, rebuilt));
}

export function shardsOf(store: number): number[] {
  return Array.from({ length: LIMITS.shards }, (_, shard) => shard).filter(
    (shard) => shard % STORES === store,
  );
}

async function rebuild(store: LevelRunStore, shard: number, rebuilt: number[]): Promise<void> {
  await store.reset(shard);
  rebuilt.push(shard);
}

/** A store that does not open at all is kept beside for whoever wants to look, and its shards begin anew. */
async function openStore(dir: string, shards: number[], rebuilt: number[]): Promise<LevelRunStore> {
  const options = { dir, shards, merge: mergeFor };
  try {
    return await openLevelRunStore(options);
  } catch (fault) {
    const isLost =
      isWeirError(fault) && (fault.code === 'WEIR_STORE_DAMAGED' || fault.code === 'WEIR_DATA_MISSING');
    if (!isLost) throw fault;
    await setStoreAside(dir);
    rebuilt.push(...shards);
    return openLevelRunStore(options);
  }
}

async function loadEngine(
  setup: ThreadSetup,
  store: LevelRunStore,
  shard: number,
  rebuilt: number[],
): Promise<ShardEngine> {
  const make = () => new ShardEngine({ site: setup.site, shard, store });
  const engine = make();
  try {
    engine.load();
    return engine;
  } catch (fault) {
    if (!isWeirError(fault) || fault.code !== 'WEIR_STORE_DAMAGED') throw fault;
    await rebuild(store, shard, rebuilt);
    const fresh = make();
    fresh.load();
    return fresh;
  }
}
