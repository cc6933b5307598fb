import { decodeRecord, encodeRecord, GroupBuilder, LIMITS, mergeFor, type Site } from '../contract/index.ts';
import { ShardEngine } from '../engine/engine.ts';
import { type LevelRunStore, openLevelRunStore } from '../store/runs/level-run-store.ts';
import { type StreamLoad, SyntheticLoad } from './synthetic-load.ts';

/** What a run is about: some keys of each stream, for so long in their own time. */
export interface RunOptions {
  site: Site;
  loads: StreamLoad[];
  /** Keys of each stream that take part. */
  keys: number;
  /** Of so many shards; absent: of all. */
  shards?: number;
  spanMs: number;
  /** Null makes one checkpoint at the end. */
  checkpointMs: number | null;
  dir: string;
}

export interface RunFigures {
  readings: number;
  checkpoints: number;
  /** Handed to LevelDB by checkpoints and folding, in the second half of the run. */
  handedBytes: number;
  /** How much of its own time that half was. */
  handedMs: number;
  /** Of all engines, at its most. */
  memoryBytes: number;
  cpu: { taking: number; applying: number; storing: number };
}

/** A recent day without a change of clocks. */
const START_MS = Date.UTC(2026, 5, 1);
const GROUP_READINGS = 4096;
const FOLD_MS = 50;

/**
 * The real path of a reading but for the socket and the log: payloads are parsed into groups, groups become the bytes of
 * records, and the engines of all shards apply those and move what they hold into a real store.
 */
export class PlanRun {
  readonly store: LevelRunStore;
  readonly engines: ShardEngine[];
  readonly figures: RunFigures = {
    readings: 0,
    checkpoints: 0,
    handedBytes: 0,
    handedMs: 0,
    memoryBytes: 0,
    cpu: { taking: 0, applying: 0, storing: 0 },
  };
  readonly #options: RunOptions;
  readonly #builder: GroupBuilder;
  #seq = 0;

  private constructor(options: RunOptions, store: LevelRunStore) {
    this.#options = options;
    this.store = store;
    this.#builder = new GroupBuilder(options.site);
    this.engines = shardNumbers().map((shard) => new ShardEngine({ site: options.site, shard, store }));
    for (const engine of this.engines) engine.load();
  }

  static async open(options: RunOptions): Promise<PlanRun> {
    return new PlanRun(
      options,
      await openLevelRunStore({ dir: options.dir, shards: shardNumbers(), merge: mergeFor }),
    );
  }

  get endMs(): number {
    return START_MS + this.#options.spanMs;
  }

  async toTheEnd(): Promise<void> {
    const { checkpointMs, spanMs } = this.#options;
    const everyMs = checkpointMs ?? spanMs;
    const streams = this.#options.loads.map((load) => ({
      load,
      messages: new SyntheticLoad(load, this.#options.keys, START_MS, this.#options.shards),
      round: 0,
    }));
    let halfway = -1;
    for (let at = everyMs; at <= spanMs; at += everyMs) {
      for (const stream of streams)
        for (; stream.round * stream.load.everyMs < at; stream.round++) this.#take(stream);
      this.#apply(START_MS + at);
      await this.#checkpoint();
      if (halfway < 0 && at >= spanMs / 2) {
        halfway = this.store.stats().writtenBytes;
        this.figures.handedMs = spanMs - at;
      }
    }
    this.figures.handedBytes = this.store.stats().writtenBytes - Math.max(0, halfway);
    while (await this.store.foldSome(FOLD_MS, true));
  }

  #take(stream: { load: StreamLoad; messages: SyntheticLoad; round: number }): void {
    const messages = [...stream.messages.round(stream.round)];
    const arrivalMs = START_MS + (stream.round + 1) * stream.load.everyMs;
    // What it costs to invent the messages is no cost of the board.
    let began = cpuMs();
    for (const { topic, payload, readings } of messages) {
      this.#builder.add(topic, payload, arrivalMs);
      this.figures.readings += readings;
      if (this.#builder.readings < GROUP_READINGS) continue;
      this.figures.cpu.taking += cpuMs() - began;
      this.#apply(null);
      began = cpuMs();
    }
    this.figures.cpu.taking += cpuMs() - began;
  }

  #apply(wallMs: number | null): void {
    const began = cpuMs();
    const bytes = encodeRecord(this.#builder.take(++this.#seq, wallMs ?? START_MS, wallMs !== null));
    const record = decodeRecord(bytes);
    if ('fault' in record) throw new Error(`a record of the plan is ${record.fault}`);
    for (const engine of this.engines) engine.apply(record);
    this.figures.cpu.applying += cpuMs() - began;
  }

  async #checkpoint(): Promise<void> {
    const began = cpuMs();
    const memory = this.engines.reduce((sum, engine) => sum + engine.stats().memoryBytes, 0);
    this.figures.memoryBytes = Math.max(this.figures.memoryBytes, memory);
    for (const engine of this.engines) {
      const work = engine.checkpoint();
      while (work.slice()) await work.flush();
      await work.commit();
    }
    while (await this.store.foldSome(FOLD_MS));
    this.figures.checkpoints++;
    this.figures.cpu.storing += cpuMs() - began;
  }

  async close(): Promise<void> {
    await this.store.close();
  }
}

function shardNumbers(): number[] {
  return Array.from({ length: LIMITS.shards }, (_, shard) => shard);
}

/** Of all threads of this process. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
