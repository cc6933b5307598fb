import { isWeirError, LIMITS, WeirError } from '../contract/index.ts';
import { catchUpDueBytes, checkpointDueBytes } from '../engine/checkpoint-due.ts';
import type { ShardEngine } from '../engine/engine.ts';
import type { LevelRunStore } from '../store/runs/level-run-store.ts';
import type { Inbox } from './inbox.ts';
import { type CheckpointPolicy, type FromThread, STORES } from './thread-messages.ts';
import { turn } from './turn.ts';

/** A failed checkpoint loses nothing, the log has it all; it is tried again after this long. */
const RETRY_MS = 5_000;
export const FOLD_SLICE_MS = 2;
/**
 * A checkpoint is to end before so much came as this share of what it moves: then memory is bounded. Shard by shard it is
 * ahead of that, and makes its slices while no record waits, or it is late.
 */
const ENDS_WITHIN = 1 / 3;
/** Slices of a late one between two turns of the event loop: with sixteen it took no more out of memory, and cost more. */
const LATE_SLICES = 4;
/** A question has as many turns before a late one goes on. */
const ASKED_TURNS = 16;
/** A small checkpoint, one that time made due, has at least the time in which a share of so many readings come. */
const PACED_FROM_READINGS = 200_000;
/** The engines are asked how much memory they hold after so many readings. */
const WEIGH_EVERY_READINGS = 10_000;

type RecordsWaiting = Pick<Inbox<unknown>, 'size' | 'urgent' | 'held' | 'hold'>;

/**
 * Moves what the engines hold in memory into the stores, one shard of each store after the other, in slices between
 * which records and questions are taken. It is due when what came takes so much memory, after so many readings, since
 * the time to replay grows with them, or after so much time when anything came. While the log is read again readings do
 * not make it due, and memory does later: it takes several times as long as what it spares the next start. Should
 * records come faster than it can move what they leave, they are held back, so that memory is bounded whatever comes.
 */
export class Checkpointer {
  readonly #policy: CheckpointPolicy;
  readonly #engines: Map<number, ShardEngine>;
  readonly #stores: Map<number, LevelRunStore>;
  readonly #post: (message: FromThread) => void;
  readonly #inbox: RecordsWaiting;
  #readings = 0;
  #weighedAt = 0;
  #heavy = false;
  #catchingUp = false;
  /** Readings of the checkpoint under way, and shards that it has moved. */
  #moving = 0;
  #moved = 0;
  /** Who waits for it does not wait for records. */
  #awaited = 0;
  #running: Promise<void> | null = null;
  #turns: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout;
  #closed = false;

  constructor(
    policy: CheckpointPolicy,
    engines: Map<number, ShardEngine>,
    stores: Map<number, LevelRunStore>,
    post: (message: FromThread) => void,
    inbox: RecordsWaiting,
  ) {
    this.#policy = policy;
    this.#engines = engines;
    this.#stores = stores;
    this.#post = post;
    this.#inbox = inbox;
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
    this.#due(this.#dueReadings);
  }

  /** Until `caughtUp` what comes is read from the log. */
  catchUp(): void {
    this.#catchingUp = true;
  }

  caughtUp(): void {
    if (!this.#catchingUp) return;
    this.#catchingUp = false;
    this.#weigh();
    this.#due(this.#dueReadings);
  }

  get #dueReadings(): number {
    if (this.#heavy) return 1;
    return this.#catchingUp ? Number.POSITIVE_INFINITY : this.#policy.readings;
  }

  #weigh(): void {
    this.#weighedAt = this.#readings;
    let changedBytes = 0;
    let keyBytes = 0;
    for (const engine of this.#engines.values()) {
      changedBytes += engine.changedBytes;
      keyBytes += engine.keyBytes;
    }
    const dueBytes = this.#catchingUp ? catchUpDueBytes(keyBytes) : checkpointDueBytes(keyBytes);
    this.#heavy = changedBytes >= dueBytes;
    this.#inbox.hold(changedBytes >= LIMITS.changedBytes);
  }

  position(shard: number): number {
    return storeOf(this.#stores, shard).position(shard);
  }

  /** Resolves when every store of the thread includes the log up to there; the engines have applied it already. */
  async upTo(seq: number): Promise<void> {
    // The one that is under way may have frozen its shards before the record came.
    this.#awaited++;
    try {
      for (let tries = 0; tries < 2 && this.#least() < seq; tries++) await this.run();
    } finally {
      this.#awaited--;
    }
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
      this.#inbox.hold(false);
    });
    return this.#running;
  }

  async #all(): Promise<void> {
    const readings = this.#readings;
    this.#readings = 0;
    this.#weighedAt = 0;
    this.#heavy = false;
    this.#moving = readings;
    this.#moved = 0;
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
      if (shard % STORES === store) {
        if (engine.position > this.position(shard)) await this.#one(engine);
        this.#moved++;
        if (this.#inbox.held) this.#weigh();
      }
  }

  async #one(engine: ShardEngine): Promise<void> {
    const work = engine.checkpoint();
    try {
      for (let more = true; more; ) {
        for (let left = this.#late() ? LATE_SLICES : 1; left > 0 && more; left--) more = work.slice();
        await work.flush();
        await this.#pause();
      }
      await work.commit();
    } catch (fault) {
      await work.abandon();
      throw fault;
    }
  }

  /** The stores take turns, each its own: slices of four in one would keep records and questions waiting. */
  #pause(): Promise<void> {
    this.#turns = this.#turns.then(async () => {
      let turns = 0;
      do await turn();
      while (this.#late() ? this.#inbox.urgent && ++turns < ASKED_TURNS : this.#inbox.size > 0);
    });
    return this.#turns;
  }

  #late(): boolean {
    if (this.#closed || this.#awaited > 0 || this.#inbox.held) return true;
    const due = Math.max(PACED_FROM_READINGS, this.#moving) * ENDS_WITHIN;
    return this.#readings > (due * (this.#moved + this.#stores.size)) / this.#engines.size;
  }

  /** Upkeep stops as soon as the next checkpoint is due: memory is bounded before runs are. */
  async #fold(): Promise<void> {
    const due = () => this.#closed || this.#readings >= this.#dueReadings;
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
