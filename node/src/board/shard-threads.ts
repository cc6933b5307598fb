import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Progress } from '../client/progress.ts';
import { Caller } from '../client/rpc.ts';
import { LIMITS, type Site } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import {
  ALL_STORES,
  type CheckpointPolicy,
  type FromThread,
  type ShardJob,
  STORES,
  type ToThread,
} from '../shard/thread-messages.ts';
import { Feeder } from './feeder.ts';

/** A thread that ends by itself is started again after this long, so that a fault at start does not spin. */
const RESTART_MS = 1_000;
/** Readings that may wait in the threads' inboxes before the front door holds back. */
const LAG_READINGS = 400_000;

export interface ShardThreadsOptions {
  site: Site;
  storeDir: string;
  checkpoint: CheckpointPolicy;
  logger: Logger;
  entry: URL;
}

/** All shard threads of the board: starts them, feeds them, starts them again, and knows how far they are. */
export class ShardThreads {
  readonly progress: Progress;
  readonly threadOfShard: number[];
  readonly #options: ShardThreadsOptions;
  readonly #log = Promise.withResolvers<CommitLog>();
  readonly #opened: PromiseWithResolvers<number>[];
  readonly #feeders: Feeder[];
  readonly #leasts: number[];
  /** Readings a record brought, from the newest durable back to the slowest live thread. */
  readonly #waiting: { seq: number; readings: number }[] = [];
  #waitingReadings = 0;
  readonly #onPorts: ((thread: number, port: MessagePort) => void)[] = [];
  #onCheckpoint: ((least: number) => void) | null = null;
  readonly #jobs: PromiseWithResolvers<string[]>[] = [];
  #everyMs: number;
  readonly #lines = new Set<{ thread: number; caller: Caller }>();
  #jobTail: Promise<unknown> = Promise.resolve();
  #closing = false;

  constructor(options: ShardThreadsOptions) {
    this.#options = options;
    this.#everyMs = options.checkpoint.everyMs;
    const threads = Math.max(1, Math.min(STORES, availableParallelism() - 1));
    this.progress = new Progress(threads);
    this.threadOfShard = Array.from({ length: LIMITS.shards }, (_, shard) => (shard % STORES) % threads);
    this.#leasts = new Array<number>(threads).fill(0);
    this.#opened = Array.from({ length: threads }, () => Promise.withResolvers<number>());
    this.#feeders = Array.from({ length: threads }, (_, thread) => this.#start(thread));
  }

  /** When all stores are open: the newest sequence that any of them includes, which the log must reach. */
  async opened(): Promise<number> {
    return Math.max(...(await Promise.all(this.#opened.map(({ promise }) => promise))));
  }

  /** From here on the threads are fed. */
  begin(log: CommitLog): void {
    this.progress.durable = log.bounds().last;
    this.#log.resolve(log);
  }

  get ready(): boolean {
    return this.#feeders.every((feeder) => feeder.ready);
  }

  /** Why it is not ready, for whoever asks. */
  reasons(): string[] {
    const last = this.progress.durable;
    return this.#feeders.flatMap((feeder, thread) =>
      feeder.ready
        ? []
        : [`shard thread ${thread} replays the log: ${this.progress.applied(thread)} of ${last}`],
    );
  }

  lagRecords(): number {
    const slowest = Math.min(...this.#feeders.map((_, thread) => this.progress.applied(thread)));
    return Math.max(0, this.progress.durable - slowest);
  }

  durable(seq: number, readings: number, bytes: Uint8Array): void {
    for (const feeder of this.#feeders) feeder.durable(seq, bytes);
    this.progress.durable = seq;
    this.#waiting.push({ seq, readings });
    this.#waitingReadings += readings;
  }

  /** Readings that live threads have not applied yet. A thread that catches up reads the log and holds nobody. */
  overloaded(): boolean {
    let slowest = this.progress.durable;
    this.#feeders.forEach((feeder, thread) => {
      if (feeder.live) slowest = Math.min(slowest, this.progress.applied(thread));
    });
    while (this.#waiting.length > 0 && this.#waiting[0].seq <= slowest)
      this.#waitingReadings -= this.#waiting.shift()!.readings;
    return this.#waitingReadings > LAG_READINGS;
  }

  /** Hands out a port to each thread, now and whenever one was started again. Whoever asks has ports of its own. */
  onPorts(give: (thread: number, port: MessagePort) => void): void {
    this.#onPorts.push(give);
    for (const [thread, feeder] of this.#feeders.entries()) this.#connect(feeder, thread, give);
  }

  /** A line of one's own to the thread of a shard; whoever asked closes it. */
  line(shard: number): Caller {
    const { port1, port2 } = new MessageChannel();
    this.#feeders[this.threadOfShard[shard]].send({ kind: 'connect', port: port1 }, [port1]);
    return new Caller(port2);
  }

  onCheckpoint(told: (least: number) => void): void {
    this.#onCheckpoint = told;
  }

  /** Also for threads that are started again. */
  setCheckpointEveryMs(everyMs: number): void {
    this.#everyMs = everyMs;
    this.broadcast({ kind: 'checkpoint-every', everyMs });
  }

  broadcast(message: ToThread): void {
    for (const feeder of this.#feeders) feeder.send(message);
  }

  /**
   * Asks every thread over a line of its own, and answers what each says. Rejects when a thread ends meanwhile, or
   * when it is aborted.
   */
  async askAll<T>(method: string, params: unknown, signal: AbortSignal): Promise<T[]> {
    const lines = this.#feeders.map((feeder, thread) => {
      const { port1, port2 } = new MessageChannel();
      feeder.send({ kind: 'connect', port: port1 }, [port1]);
      const line = { thread, caller: new Caller(port2) };
      this.#lines.add(line);
      return line;
    });
    try {
      return await Promise.all(lines.map(({ caller }) => caller.call<T>(method, params, signal)));
    } finally {
      for (const line of lines) {
        this.#lines.delete(line);
        line.caller.close();
      }
    }
  }

  /** One job at a time, on all threads; answers what was found damaged. */
  job(job: ShardJob): Promise<string[]> {
    const done = this.#jobTail.then(() => this.#job(job));
    // Whoever asked has the rejection; the next job only waits its turn.
    this.#jobTail = done.catch(() => undefined);
    return done;
  }

  async #job(job: ShardJob): Promise<string[]> {
    const answers = this.#feeders.map((_, thread) => {
      this.#jobs[thread] = Promise.withResolvers<string[]>();
      return this.#jobs[thread].promise;
    });
    this.broadcast({ kind: 'job', job });
    return (await Promise.all(answers)).flat();
  }

  /** The log position that all shards have in their stores. */
  leastCheckpointed(): number {
    return Math.min(...this.#leasts);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#feeders.map((feeder) => feeder.close()));
  }

  #start(thread: number): Feeder {
    const { site, storeDir, entry } = this.#options;
    const checkpoint = { ...this.#options.checkpoint, everyMs: this.#everyMs };
    const stores = ALL_STORES.filter((store) => store % this.#leasts.length === thread);
    this.progress.setApplied(thread, 0);
    return new Feeder({
      log: this.#log.promise,
      entry,
      setup: { kind: 'shards', thread, site, stores, storeDir, checkpoint, progress: this.progress.shared },
      onMessage: (message) => this.#receive(thread, message),
      onExit: (fault) => this.#exited(thread, fault),
    });
  }

  #connect(feeder: Feeder, thread: number, give: (thread: number, port: MessagePort) => void): void {
    const { port1, port2 } = new MessageChannel();
    feeder.send({ kind: 'connect', port: port1 }, [port1]);
    give(thread, port2);
  }

  #exited(thread: number, fault: Error | null): void {
    for (const line of this.#lines) if (line.thread === thread) line.caller.close();
    if (fault === null || this.#closing) return;
    // Before anything is fed, a thread that cannot start is a board that cannot start.
    this.#opened[thread].reject(fault);
    this.#jobs[thread]?.reject(fault);
    this.#options.logger.error({ thread, fault: fault.stack }, 'a shard thread ended; it is started again');
    setTimeout(() => {
      if (this.#closing) return;
      this.#feeders[thread] = this.#start(thread);
      for (const give of this.#onPorts) this.#connect(this.#feeders[thread], thread, give);
    }, RESTART_MS);
  }

  #receive(thread: number, message: FromThread): void {
    const { logger } = this.#options;
    switch (message.kind) {
      case 'opened':
        this.#leasts[thread] = Math.min(...message.positions.map(([, seq]) => seq));
        this.#opened[thread].resolve(Math.max(...message.positions.map(([, seq]) => seq)));
        if (message.rebuilt.length > 0)
          logger.warn({ shards: message.rebuilt }, 'shards are rebuilt from the log');
        break;
      case 'checkpointed':
        this.#leasts[thread] = message.least;
        this.#onCheckpoint?.(Math.min(...this.#leasts));
        break;
      case 'trouble':
        logger.error({ thread, code: message.code }, message.message);
        break;
      case 'job-done':
        if (message.fault === null) this.#jobs[thread]?.resolve(message.damaged);
        else this.#jobs[thread]?.reject(new Error(message.fault));
        break;
      default:
        break;
    }
  }
}
