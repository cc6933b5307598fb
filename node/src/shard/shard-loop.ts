import type { MessagePort } from 'node:worker_threads';
import { Progress } from '../client/progress.ts';
import { serveCalls } from '../client/rpc.ts';
import {
  type ChangedRange,
  decodeRecord,
  isWeirError,
  type LogRecord,
  type ShardHash,
  type ShardLedgerQuestion,
  type ShardParts,
  type ShardPeriodsQuestion,
  type ShardReadQuestion,
  type ShardScope,
  type ShardStats,
  type ShardSwap,
  type ShardTopAnswer,
  type ShardTopQuestion,
  WeirError,
} from '../contract/index.ts';
import type { ShardEngine } from '../engine/engine.ts';
import type { LevelRunStore } from '../store/runs/level-run-store.ts';
import { Checkpointer, storeOf } from './checkpointer.ts';
import { Inbox } from './inbox.ts';
import { ShadowTasks } from './shadow-tasks.ts';
import { hashesOf, ledgerOf, readShards, topOfShards } from './shard-answers.ts';
import { ShardCopy } from './shard-copies.ts';
import { runJob } from './shard-jobs.ts';
import type { FromThread, ShardJob, ThreadSetup, ToThread } from './thread-messages.ts';

/** A question that must see the newest readings waits this long for them, then says that the shards lag. */
const CATCH_UP_MS = 10_000;
/** Viewers see a change this soon; a shorter span would redraw more often than an eye can follow. */
const CHANGES_EVERY_MS = 200;

interface Entry {
  seq: number;
  bytes: Uint8Array;
  /** Once an engine of the thread needed it. */
  decoded: ReturnType<typeof decodeRecord> | null;
}

interface Waiter {
  seq: number;
  /** Null for all of the thread. */
  shards: number[] | null;
  resolve(): void;
}

/**
 * The loop of one shard thread: records come in the order of the log, are applied to every engine of the thread,
 * and questions are answered between two records. It is handed its stores and engines opened.
 */
export class ShardLoop {
  readonly #setup: ThreadSetup;
  readonly #engines: Map<number, ShardEngine>;
  readonly #post: (message: FromThread) => void;
  readonly #progress: Progress;
  readonly #inbox = new Inbox<Entry>((entry) => this.#take(entry));
  readonly #checkpointer: Checkpointer;
  readonly #stores: Map<number, LevelRunStore>;
  readonly #shadows: ShadowTasks;
  #waiters: Waiter[] = [];
  #live = false;
  /** The newest record that was read from the log: those after it came as they became durable. */
  #readAgainTo = 0;
  #applied = 0;
  #ending = false;
  #watchers: { push(value: unknown): void }[] = [];
  #changesTimer: NodeJS.Timeout | null = null;

  constructor(parts: {
    setup: ThreadSetup;
    engines: Map<number, ShardEngine>;
    stores: Map<number, LevelRunStore>;
    post: (message: FromThread) => void;
  }) {
    this.#setup = parts.setup;
    this.#engines = parts.engines;
    this.#stores = parts.stores;
    this.#post = parts.post;
    this.#progress = Progress.over(parts.setup.progress);
    this.#checkpointer = new Checkpointer(
      parts.setup.checkpoint,
      parts.engines,
      parts.stores,
      parts.post,
      this.#inbox,
    );
    this.#shadows = new ShadowTasks({
      site: parts.setup.site,
      engines: parts.engines,
      stores: parts.stores,
      checkpointer: this.#checkpointer,
      upTo: (seq) => this.#upTo(seq),
    });
    this.#applied = Math.min(...[...parts.engines.values()].map((engine) => engine.position));
    this.#checkpointer.catchUp();
  }

  handle(message: ToThread): void {
    switch (message.kind) {
      case 'record':
        if (!this.#live) this.#readAgainTo = message.seq;
        this.#inbox.push({ seq: message.seq, bytes: message.bytes, decoded: null });
        for (const { seq, shards } of this.#waiters)
          if (shards !== null && message.seq <= seq) this.#hasten(message.seq, shards);
        break;
      case 'live':
        this.#live = true;
        if (this.#applied >= this.#readAgainTo) this.#checkpointer.caughtUp();
        break;
      case 'connect':
        this.#connect(message.port);
        break;
      case 'checkpoint':
        void this.#checkpointer.run();
        break;
      case 'checkpoint-every':
        this.#checkpointer.setEveryMs(message.everyMs);
        break;
      case 'job':
        void this.#job(message.job);
        break;
      case 'close':
        void this.#close();
        break;
    }
  }

  #decoded(entry: Entry): ReturnType<typeof decodeRecord> {
    entry.decoded ??= decodeRecord(
      entry.bytes,
      (shard) => (this.#engines.get(shard)?.position ?? Number.MAX_VALUE) < entry.seq,
    );
    return entry.decoded;
  }

  /** A step for each shard. */
  *#take(entry: Entry): Generator<void> {
    const decoded = this.#decoded(entry);
    if ('fault' in decoded)
      this.#post({
        kind: 'trouble',
        code: 'WEIR_LOG_DAMAGED',
        message: `record ${entry.seq}: ${decoded.fault}`,
      });
    else yield* this.#apply(decoded);
    if (!this.#live) this.#post({ kind: 'applied', seq: entry.seq });
  }

  *#apply(record: LogRecord): Generator<void> {
    if (this.#ending) return;
    let readings = 0;
    for (const section of record.sections) if (this.#engines.has(section.shard)) readings += section.rows;
    for (const engine of this.#engines.values()) {
      if (engine.position >= record.seq) continue;
      this.#applyTo(engine, record);
      yield;
    }
    this.#applied = record.seq;
    this.#progress.setApplied(this.#setup.thread, record.seq);
    this.#wake();
    this.#checkpointer.applied(readings);
    if (this.#live && record.seq >= this.#readAgainTo) this.#checkpointer.caughtUp();
  }

  #applyTo(engine: ShardEngine, record: LogRecord): void {
    try {
      engine.apply(record);
    } catch (fault) {
      this.#damaged(engine.shard, fault);
    }
  }

  /**
   * Stored state that fails its checksum is never served and never built upon. The shard's part of the store is
   * emptied and the thread ends: started again, it rebuilds the shard from the log while the other shards go on.
   */
  #damaged(shard: number, fault: unknown): void {
    if (!isWeirError(fault) || fault.code !== 'WEIR_STORE_DAMAGED') throw fault;
    if (this.#ending) return;
    this.#ending = true;
    this.#trouble(`shard ${shard} is rebuilt from the log`, fault);
    void storeOf(this.#stores, shard)
      .reset(shard)
      .finally(() => process.exit(1));
  }

  #trouble(what: string, fault: unknown): void {
    const code = isWeirError(fault) ? fault.code : 'BUG';
    const text = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
    this.#post({ kind: 'trouble', code, message: `${what}: ${text}` });
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiters)
      if (this.#reached(waiter.seq, waiter.shards)) waiter.resolve();
      else waiting.push(waiter);
    this.#waiters = waiting;
  }

  #reached(seq: number, shards: number[] | null): boolean {
    if (this.#applied >= seq) return true;
    return shards !== null && this.#scoped(shards).every((engine) => engine.position >= seq);
  }

  /**
   * A question for few shards does not wait until all have taken the records before it: those shards take them first.
   * While a checkpoint holds records back a page would wait for hundreds of them.
   */
  #hasten(seq: number, shards: number[]): void {
    if (this.#live) this.#inbox.first(this.#ahead(seq, shards));
  }

  /** A step for each record. */
  *#ahead(seq: number, shards: number[]): Generator<void> {
    for (const entry of this.#inbox.waiting()) {
      if (entry.seq > seq || this.#ending) break;
      const engines = this.#scoped(shards).filter((engine) => engine.position < entry.seq);
      if (engines.length === 0) continue;
      const decoded = this.#decoded(entry);
      if (!('fault' in decoded)) for (const engine of engines) this.#applyTo(engine, decoded);
      yield;
    }
    this.#wake();
  }

  /** Read your writes: resolves when the log is applied up to `seq`, by those shards at least. */
  async #upTo(seq: number, shards: number[] | null = null): Promise<void> {
    if (this.#reached(seq, shards)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { seq, shards, resolve };
    const timer = setTimeout(() => {
      this.#waiters = this.#waiters.filter((one) => one !== waiter);
      reject(
        new WeirError(
          'WEIR_NOT_READY',
          `the shards are ${seq - this.#applied} records behind the log; try again later`,
        ),
      );
    }, CATCH_UP_MS);
    this.#waiters.push(waiter);
    if (shards !== null) this.#hasten(seq, shards);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #scoped(shards: number[] | null): ShardEngine[] {
    if (shards === null) return [...this.#engines.values()];
    return shards.map((shard) => this.#engines.get(shard)).filter((engine) => engine !== undefined);
  }

  #connect(port: MessagePort): void {
    const copy = new ShardCopy();
    const served = serveCalls(port, {
      read: async (question: ShardReadQuestion, signal): Promise<ShardParts> => {
        await this.#upTo(question.minSeq, question.shards);
        return this.#guarded((at) => readShards(this.#scoped(question.shards), question, signal, at));
      },
      top: async (question: ShardTopQuestion, signal): Promise<ShardTopAnswer> => {
        await this.#upTo(question.minSeq, question.shards);
        return this.#guarded((at) => topOfShards(this.#scoped(question.shards), question, signal, at));
      },
      ledger: async (question: ShardLedgerQuestion) => {
        await this.#upTo(question.minSeq, question.shards);
        return ledgerOf(this.#scoped(question.shards), question);
      },
      swaps: async (question: ShardScope): Promise<ShardSwap[]> => {
        await this.#upTo(question.minSeq, question.shards);
        return this.#scoped(question.shards).flatMap((engine) => engine.swaps());
      },
      periods: (question: ShardPeriodsQuestion) => this.#periods(question),
      hashes: (question: ShardScope, signal) => this.#hashes(question, signal),
      'copy-begin': async ({ shard, minSeq }: { shard: number; minSeq: number }) => {
        await this.#upTo(minSeq);
        await this.#checkpointer.upTo(minSeq);
        await copy.begin(this.#scoped([shard])[0], storeOf(this.#stores, shard));
      },
      'copy-next': ({ shard }: { shard: number }) =>
        this.#guarded((at) => {
          at(shard);
          return copy.next();
        }),
      stats: () => this.#stats(),
      watch: () => this.#watch(served),
      ...this.#shadows.calls,
    });
    port.on('close', () => {
      this.#watchers = this.#watchers.filter((watcher) => watcher !== served);
      void copy.close();
    });
  }

  /** Of a table, over all shards of the thread. */
  #periods({ table, before }: ShardPeriodsQuestion): number[] {
    const periods = new Set<number>();
    for (const shard of this.#engines.keys()) {
      const view = storeOf(this.#stores, shard).view(shard);
      for (const period of view.periods(table, Number.MIN_SAFE_INTEGER, before - 1)) periods.add(period);
      view.close();
    }
    return [...periods];
  }

  /** Each shard's hash at the position of its store, which a checkpoint has moved past what was acknowledged. */
  async #hashes(question: ShardScope, signal: AbortSignal): Promise<ShardHash[]> {
    await this.#upTo(question.minSeq);
    await this.#checkpointer.upTo(question.minSeq);
    return this.#guarded((at) => hashesOf(this.#scoped(question.shards), this.#stores, signal, at));
  }

  /** A question is where damage is often found first; whoever asked is told, and may ask again after the rebuild. */
  async #guarded<T>(answer: (at: (shard: number) => void) => Promise<T>): Promise<T> {
    let shard = -1;
    try {
      return await answer((now) => {
        shard = now;
      });
    } catch (fault) {
      if (isWeirError(fault) && fault.code === 'WEIR_STORE_DAMAGED' && shard >= 0)
        this.#damaged(shard, fault);
      throw fault;
    }
  }

  #stats(): { shards: ShardStats[]; store: { bytes: number; writtenBytes: number } } {
    const shards = [...this.#engines].map(([shard, engine]): ShardStats => {
      const stats = engine.stats();
      const state = this.#live ? 'serving' : 'replaying';
      const checkpointed = this.#checkpointer.position(shard);
      return {
        shard,
        thread: this.#setup.thread,
        applied: engine.position,
        checkpointed,
        keys: stats.keys,
        memoryBytes: stats.memoryBytes,
        state,
      };
    });
    let bytes = 0;
    let writtenBytes = 0;
    for (const store of this.#stores.values()) {
      const stats = store.stats();
      bytes += stats.bytes;
      writtenBytes += stats.writtenBytes;
    }
    return { shards, store: { bytes, writtenBytes } };
  }

  #watch(watcher: { push(value: unknown): void }): void {
    if (!this.#watchers.includes(watcher)) this.#watchers.push(watcher);
    this.#changesTimer ??= setInterval(() => this.#pushChanges(), CHANGES_EVERY_MS).unref();
  }

  #pushChanges(): void {
    const ranges = new Map<string, ChangedRange>();
    for (const engine of this.#engines.values()) {
      for (const change of engine.takeChanges()) {
        const known = ranges.get(change.rollup);
        if (!known) ranges.set(change.rollup, { ...change });
        else {
          known.from = Math.min(known.from, change.from);
          known.to = Math.max(known.to, change.to);
        }
      }
    }
    if (ranges.size === 0) return;
    for (const watcher of this.#watchers) watcher.push([...ranges.values()]);
  }

  async #job(job: ShardJob): Promise<void> {
    let fault: string | null = null;
    let damaged: string[] = [];
    try {
      damaged = await runJob(job, this.#stores, [...this.#engines.keys()]);
    } catch (caught) {
      fault = caught instanceof Error ? caught.message : String(caught);
    }
    this.#post({ kind: 'job-done', damaged, fault });
  }

  async #close(): Promise<void> {
    if (this.#changesTimer) clearInterval(this.#changesTimer);
    await this.#checkpointer.close();
    for (const store of this.#stores.values()) await store.close();
    this.#post({ kind: 'closed' });
  }
}
