import { join } from 'node:path';
import type { CopyStep } from '../backup/source.ts';
import { decodeRecord, mergeFor, type ShardHash, type Site, WeirError } from '../contract/index.ts';
import { ShardEngine } from '../engine/engine.ts';
import type { CommitLog } from '../log/port.ts';
import { type LevelRunStore, openLevelRunStore } from '../store/runs/level-run-store.ts';
import { shardsOf } from './open-shards.ts';
import { stepsOf } from './shard-copies.ts';
import { STORES } from './thread-messages.ts';

/** Readings between two checkpoints of a replay: what is in memory at once, 50 MB or so. */
const CHECKPOINT_READINGS = 500_000;

/**
 * The shards of a data directory that no board has open, in one thread: for proofs and copies, where nobody waits for
 * an answer meanwhile. A damaged store is reported and left as it is.
 */
export class OfflineShards {
  readonly stores: ReadonlyMap<number, LevelRunStore>;
  readonly #engines: ShardEngine[] = [];

  private constructor(stores: Map<number, LevelRunStore>) {
    this.stores = stores;
  }

  static async open(storeDir: string, site: Site): Promise<OfflineShards> {
    const stores = new Map<number, LevelRunStore>();
    const shards = new OfflineShards(stores);
    try {
      for (let number = 0; number < STORES; number++) {
        const store = await openLevelRunStore({
          dir: join(storeDir, String(number)),
          shards: shardsOf(number),
          merge: mergeFor,
        });
        stores.set(number, store);
        for (const { message } of store.damaged()) throw new WeirError('WEIR_STORE_DAMAGED', message);
        for (const shard of shardsOf(number)) shards.#engines.push(new ShardEngine({ site, shard, store }));
      }
      for (const engine of shards.#engines) engine.load();
      return shards;
    } catch (fault) {
      await shards.close();
      throw fault;
    }
  }

  /** The record that every shard includes. */
  get position(): number {
    return Math.min(...this.#engines.map((engine) => engine.position));
  }

  /**
   * Applies what the shards do not include yet. With `checkpoints` memory is bounded, and the stores change; without
   * them nothing is written, and at most what a board had not checkpointed is held in memory.
   */
  async catchUp(log: CommitLog, options: { checkpoints: boolean }): Promise<void> {
    let readings = 0;
    for await (const { bytes } of log.read(Math.max(this.position + 1, log.bounds().first))) {
      const record = bytes === null ? null : decodeRecord(bytes);
      // A board passes over a damaged record as well, and says so.
      if (record === null || 'fault' in record) continue;
      for (const engine of this.#engines) engine.apply(record);
      for (const section of record.sections) readings += section.rows;
      if (!options.checkpoints || readings < CHECKPOINT_READINGS) continue;
      await this.checkpoint();
      readings = 0;
    }
  }

  async checkpoint(): Promise<void> {
    for (const engine of this.#engines) {
      const work = engine.checkpoint();
      while (work.slice()) await work.flush();
      await work.commit();
    }
  }

  /** What the store holds of a shard, and which state that is. */
  async *copy(shard: number): AsyncGenerator<CopyStep> {
    yield* stepsOf(this.#engines.find((engine) => engine.shard === shard)!, this.stores.get(shard % STORES)!);
  }

  hashes(): ShardHash[] {
    const hashes = this.#engines.map((engine) => ({
      shard: engine.shard,
      position: engine.position,
      hash: engine.hash(),
    }));
    return hashes.sort((a, b) => a.shard - b.shard);
  }

  async close(): Promise<void> {
    for (const store of this.stores.values()) await store.close();
  }
}
