import { setPriority } from 'node:os';
import { join } from 'node:path';
import { decodeRecord, mergeFor, WeirError } from '../contract/index.ts';
import { ShardEngine } from '../engine/engine.ts';
import { type LevelRunStore, openLevelRunStore } from '../store/runs/level-run-store.ts';
import { shardsOf } from './open-shards.ts';
import type { ReplaySetup, TakeAnswer, TakeQuestion } from './shadow-messages.ts';
import { SHADOW_TUNING } from './shadow-tasks.ts';
import { STORES } from './thread-messages.ts';

/** What is left over when everything else has what it wants. */
const LOWEST_PRIORITY = 19;
const FOLD_MS = 50;

/**
 * Fills a shadow from the log: the engine that serves, over stores of its own and for some rollups only, as fast as
 * records come. Nobody asks it anything, so it does not work in slices.
 */
export class ReplayLoop {
  readonly #setup: ReplaySetup;
  readonly #stores = new Map<number, LevelRunStore>();
  readonly #engines = new Map<number, ShardEngine>();
  #readings = 0;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(setup: ReplaySetup) {
    this.#setup = setup;
  }

  readonly calls = {
    open: () => this.#inTurn(() => this.#open()),
    take: (question: TakeQuestion) => this.#inTurn(() => this.#take(question)),
    checkpoint: () => this.#inTurn(() => this.#checkpoint()),
    close: () => this.#inTurn(() => this.#close()),
  };

  /** Calls come several at a time, so that the next records are there when the last are done. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    // Whoever asked has the rejection; the next one only waits its turn.
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #open(): Promise<[shard: number, seq: number][]> {
    // On Linux this is the thread's own priority: the other threads keep theirs.
    if (process.platform === 'linux' && this.#setup.urgent !== true) setPriority(0, LOWEST_PRIORITY);
    const { storeDir, stores, site, rollups } = this.#setup;
    for (const number of stores) {
      const shards = shardsOf(number);
      const dir = join(storeDir, String(number));
      const store = await openLevelRunStore({ dir, shards, merge: mergeFor, tuning: SHADOW_TUNING });
      this.#stores.set(number, store);
      for (const shard of shards) {
        const engine = new ShardEngine({ site, shard, store, rollups });
        engine.load();
        this.#engines.set(shard, engine);
      }
    }
    return this.#positions();
  }

  async #take({ entries, until }: TakeQuestion): Promise<TakeAnswer> {
    const ends = until === null ? null : new Map(until);
    const wants = (shard: number, seq: number) => {
      const engine = this.#engines.get(shard);
      return engine !== undefined && engine.position < seq && seq <= (ends?.get(shard) ?? seq);
    };
    let readings = 0;
    for (const { seq, bytes } of entries) {
      const record = decodeRecord(bytes, (shard) => wants(shard, seq));
      if ('fault' in record)
        throw new WeirError('WEIR_LOG_DAMAGED', `record ${seq} of the log cannot be read: ${record.fault}`);
      for (const [shard, engine] of this.#engines) if (wants(shard, seq)) engine.apply(record);
      for (const section of record.sections) if (this.#engines.has(section.shard)) readings += section.rows;
    }
    this.#readings += readings;
    if (this.#readings >= this.#setup.checkpointReadings) await this.#checkpoint();
    return { readings, kept: Math.min(...this.#positions().map(([, seq]) => seq)) };
  }

  async #checkpoint(): Promise<[shard: number, seq: number][]> {
    this.#readings = 0;
    for (const [shard, engine] of this.#engines) {
      const store = this.#stores.get(shard % STORES)!;
      if (engine.position <= store.position(shard)) continue;
      const work = engine.checkpoint();
      while (work.slice()) await work.flush();
      await work.commit();
    }
    for (const store of this.#stores.values()) while (await store.foldSome(FOLD_MS));
    return this.#positions();
  }

  #positions(): [shard: number, seq: number][] {
    return [...this.#engines.keys()].map((shard) => [
      shard,
      this.#stores.get(shard % STORES)!.position(shard),
    ]);
  }

  async #close(): Promise<void> {
    for (const store of this.#stores.values()) await store.close();
  }
}
