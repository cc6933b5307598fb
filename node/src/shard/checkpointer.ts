import { isWeirError, LIMITS, WeirError } from '../contract/index.ts';
import type { ShardEngine } from '../engine/engine.ts';
import type { LevelRunStore } from '../store/runs/level-run-store.ts';
import { type CheckpointPolicy, type FromThread, STORES } from './thread-messages.ts';
import { turn } from './turn.ts';

/** A failed checkpoint loses nothing, the log has it all; it is tried again after this long. */
const RETRY_MS = 5_000;
export const FOLD_SLICE_MS = 2;
/**
 * Slices between two turns of the event loop while more readings come during a checkpoint than this share of those that
 * it moves: then records wait, the log is held back, and memory stays bounded. By turns with one slice each, a
 * full load put as much into memory as the checkpoint took out; with sixteen, it took no more out, and cost more.
 */
const HURRIED_SLICES = 4;
const HURRY_SHARE = 1 / 4;
/** A small checkpoint, one that time made due, is hurried by no fewer readings than a share of these. */
const HURRY_FROM_READINGS = 200_000;
/** The engines are asked how much memory they hold after so many readings. */
const WEIGH_EVERY_READINGS = 10_000;

/**
 * Moves what the engines hold in memory into the stores, one shard of each store after the other, in slices between
 * which records and questions are taken. It is due when what came takes so much memory, after so many readings, since
 * the time to replay grows with them, or after so much time when anything came.
 */
export class Checkpointer {
  readonly #policy: CheckpointPolicy;
  readonly #engines: Map<number, ShardEngine>;
  readonly #stores: Map<number, LevelRunStore>;
  readonly #post: (message: FromThread) => void;
  #readings = 0;
  #weighedAt = 0;
  #heavy = false;
  /** Readings of the checkpoint under way. */
  #moving = 0;
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout;
  #closed = false;

  constructor(
    policy: CheckpointPolicy,
    engines: Map<number, ShardEngine>,
    stores: Map<number, LevelRunStore>,
    post: (message: FromThread) => void,
  ) {
    this.#policy = policy;
    this.#engines = engines;
    this.#stores = stores;
    this.#post = post;
    this.#timer = this.#every(policy.everyMs);
  }

  /** Counted from now. */
  setEveryMs(everyMs: number): void {
    if (this.#closed) return;
    clearInterval(this.#timer);
    this.#timer = this.#every(everyMs);
  }

  #every(everyMs: number): NodeJS.Timeout {
    return setInterval(() => this.#due(1), everyMs).unref();
  }

  applied(readings: number): void {
    this.#readings += readings;
    if (this.#readings - this.#weighedAt >= WEIGH_EVERY_READINGS) this.#weigh();
    this.#due(this.#heavy ? 1 : this.#policy.readings);
  }

  #weigh(): void {
    this.#weighedAt = this.#readings;
    let bytes = 0;
    for (const engine of this.#engines.values()) bytes += engine.changedBytes;
    this.#heavy = bytes >= LIMITS.checkpointBytes;
  }

  position(shard: number): number {
    return storeOf(this.#stores, shard).position(shard);
  }

  /** Resolves when every store of the thread includes the log up to there; the engines have applied it already. */
  async upTo(seq: number): Promise<void> {
    // The one that is under way may have frozen its shards before the record came.
    for (let tries = 0; tries < 2 && this.#least() < seq; tries++) await this.run();
    const least = this.#least();
    if (least < seq)
      throw new WeirError(
        'WEIR_STORE_UNAVAILABLE',
        `a checkpoint failed: the store ends at record ${least}`,
        {
          suggestion: 'The log of the appliance says why.',
        },
      );
  }

  #due(readings: number): void {
    if (this.#readings >= readings && this.#running === null && !this.#closed) void this.run();
  }

  /** One at a time; a call while one is under way waits for that one. */
  run(): Promise<void> {
    this.#running ??= this.#all().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #all(): Promise<void> {
    const readings = this.#readings;
    this.#readings = 0;
    this.#weighedAt = 0;
    this.#heavy = false;
    this.#moving = readings;
    try {
      await Promise.all([...this.#stores.keys()].map((store) => this.#ofStore(store)));
      this.#post({ kind: 'checkpointed', least: this.#least() });
      if (!this.#closed) await this.#fold();
    } catch (fault) {
      this.#readings += readings;
      const code = isWeirError(fault) ? fault.code : 'BUG';
      this.#post({
        kind: 'trouble',
        code,
        message: `checkpoint: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}`,
      });
      if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
    }
  }

  /** Each store syncs for itself: where a sync takes 80 ms, four at a time are four times as soon done. */
  async #ofStore(store: number): Promise<void> {
    for (const [shard, engine] of this.#engines)
      if (shard % STORES === store && engine.position > this.position(shard)) await this.#one(engine);
  }

  async #one(engine: ShardEngine): Promise<void> {
    const work = engine.checkpoint();
    try {
      for (let more = true; more; ) {
        for (let left = this.#hurried() ? HURRIED_SLICES : 1; left > 0 && more; left--) more = work.slice();
        await work.flush();
        await turn();
      }
      await work.commit();
    } catch (fault) {
      await work.abandon();
      throw fault;
    }
  }

  #hurried(): boolean {
    return this.#readings > Math.max(HURRY_FROM_READINGS, this.#moving) * HURRY_SHARE;
  }

  /** Upkeep stops as soon as the next checkpoint is due: memory is bounded before runs are. */
  async #fold(): Promise<void> {
    const due = () => this.#closed || this.#heavy || this.#readings >= this.#policy.readings;
    for (const store of this.#stores.values())
      while (!due() && (await store.foldSome(FOLD_SLICE_MS))) await turn();
    if (!this.#closed && due()) setImmediate(() => this.#due(1));
  }

  #least(): number {
    return Math.min(...[...this.#engines.keys()].map((shard) => this.position(shard)));
  }

  /** The last checkpoint: what is in the store need not be replayed at the next start. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed = true;
    if (this.#running) await this.#running;
    await this.run();
  }
}

export function storeOf(stores: Map<number, LevelRunStore>, shard: number): LevelRunStore {
  const store = stores.get(shard % STORES);
  if (!store) throw new Error(`shard ${shard} belongs to a store of another thread`);
  return store;
}
