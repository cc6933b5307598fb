import type { Site } from '../../node/src/contract/index.ts';
import { ShardEngine } from '../../node/src/engine/engine.ts';
import type { MemoryRunStore } from '../../node/src/engine/testing/memory-run-store.ts';
import { applyEntry, knownFrom } from '../../node/src/shard/fill-shadow.ts';
import type {
  KnownFrom,
  ReplaySetup,
  TakeAnswer,
  TakeQuestion,
} from '../../node/src/shard/shadow-messages.ts';
import { STORES } from '../../node/src/shard/thread-messages.ts';
import { Violation } from './journal.ts';
import type { Plant } from './plant.ts';
import type { Steps } from './sim-calls.ts';
import { SHARDS } from './traffic.ts';

type Positions = [shard: number, seq: number][];

/**
 * What fills a shadow, as the thread of a replay does: the engine over stores of its own. It does nothing by itself; a
 * step takes one record, or does a part of a checkpoint.
 */
export class SimShadow {
  readonly #site: Site;
  readonly #setup: ReplaySetup;
  readonly #store: MemoryRunStore;
  readonly #plant: Plant;
  readonly #shards: number[];
  readonly #engines = new Map<number, ShardEngine>();
  #readings = 0;

  constructor(setup: ReplaySetup, store: MemoryRunStore, plant: Plant) {
    this.#site = setup.site;
    this.#setup = setup;
    this.#store = store;
    this.#plant = plant;
    this.#shards = SHARDS.filter((shard) => setup.stores.includes(shard % STORES));
  }

  work(method: string, params: unknown): Steps<unknown> {
    switch (method) {
      case 'open':
        return this.#open();
      case 'take':
        return this.#take(params as TakeQuestion);
      case 'checkpoint':
        return this.#checkpoint();
      case 'close':
        return this.#close();
      default:
        throw new Violation(`a shadow was asked for ${method}`);
    }
  }

  async *#open(): Steps<Positions> {
    const { rollups, since } = this.#setup;
    const store = this.#plant.shadow(this.#store);
    for (const shard of this.#shards) {
      const engine = new ShardEngine({ site: this.#site, shard, store, rollups, since });
      engine.load();
      this.#engines.set(shard, engine);
    }
    yield `opens at ${this.#positions().map(([, seq]) => seq)}`;
    return this.#positions();
  }

  async *#take({ entries, until }: TakeQuestion): Steps<TakeAnswer> {
    const ends = until === null ? null : new Map(until);
    let readings = 0;
    for (const entry of entries) {
      readings += applyEntry(this.#engines, entry, ends);
      yield `takes record ${entry.seq}`;
    }
    this.#readings += readings;
    if (this.#readings >= this.#setup.checkpointReadings) yield* this.#checkpoint();
    return { readings, kept: Math.min(...this.#positions().map(([, seq]) => seq)) };
  }

  async *#checkpoint(): Steps<Positions> {
    this.#readings = 0;
    for (const [shard, engine] of this.#engines) {
      if (engine.position <= this.#store.position(shard)) continue;
      const work = engine.checkpoint();
      while (work.slice()) await work.flush();
      yield `puts a checkpoint of ${shard}`;
      await work.commit();
      yield `commits position ${engine.position} of ${shard}`;
      this.#store.fold(shard);
    }
    return this.#positions();
  }

  #positions(): Positions {
    return this.#shards.map((shard) => [shard, this.#store.position(shard)]);
  }

  async *#close(): Steps<KnownFrom> {
    yield 'closes';
    return knownFrom(this.#engines.values(), this.#site.streams);
  }
}
