import type { Worker } from 'node:worker_threads';
import { Progress } from '../client/progress.ts';
import { WeirError } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import type { FromThread, ThreadSetup, ToThread } from '../shard/thread-messages.ts';
import { startThread } from '../shipped/index.ts';

/** Records on their way to a thread that catches up; more would only wait in its memory. */
const WINDOW_RECORDS = 64;

/** State lives in typed arrays; what is young is small and dies soon. V8's own bound would take 100 MB for it. */
const YOUNG_MB = 16;

/**
 * Feeds one shard thread with the log. It begins by reading the log from the thread's oldest position, and once it
 * has reached the newest durable record it passes on records as they become durable. A thread that starts again
 * catches up in the same way, so there is one path for start, crash and rebuild.
 */
export class Feeder {
  readonly #log: Promise<CommitLog>;
  readonly #setup: ThreadSetup;
  readonly #progress: Progress;
  readonly #entry: URL;
  readonly #onMessage: (message: FromThread) => void;
  readonly #onExit: (fault: Error | null) => void;
  #worker: Worker;
  #ended!: Promise<unknown>;
  #live = false;
  #liveFrom = 0;
  #closing = false;
  #window = 0;
  #windowFree: (() => void) | null = null;
  #failure: Error | null = null;

  /** The log is opened after the stores, which know how far it must reach. */
  constructor(parts: {
    log: Promise<CommitLog>;
    setup: ThreadSetup;
    entry: URL;
    onMessage(message: FromThread): void;
    onExit(fault: Error | null): void;
  }) {
    this.#log = parts.log;
    this.#setup = parts.setup;
    this.#progress = Progress.over(parts.setup.progress);
    this.#entry = parts.entry;
    this.#onMessage = parts.onMessage;
    this.#onExit = parts.onExit;
    this.#worker = this.#start();
  }

  get live(): boolean {
    return this.#live;
  }

  /** It has applied all that was in the log when it was caught up. */
  get ready(): boolean {
    return this.#live && this.#progress.applied(this.#setup.thread) >= this.#liveFrom;
  }

  send(message: ToThread, transfer: ArrayBuffer[] | import('node:worker_threads').MessagePort[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** A record became durable. While the thread catches up it will meet the record in the log. */
  durable(seq: number, bytes: Uint8Array): void {
    if (this.#live) this.send({ kind: 'record', seq, bytes });
  }

  #start(): Worker {
    const worker = startThread(this.#entry, {
      workerData: this.#setup,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('error', (fault) => {
      this.#failure ??= fault instanceof Error ? fault : new Error(String(fault));
    });
    worker.on('exit', () =>
      this.#onExit(this.#closing ? null : (this.#failure ?? new Error('a shard thread ended by itself'))),
    );
    return worker;
  }

  #receive(message: FromThread): void {
    if (message.kind === 'applied') {
      this.#window--;
      this.#windowFree?.();
      return;
    }
    if (message.kind === 'failed') this.#failure = new WeirError(message.code, message.message);
    if (message.kind === 'opened') {
      const least = Math.min(...message.positions.map(([, seq]) => seq));
      this.#catchUp(least + 1).catch((fault: unknown) => {
        this.#failure = fault instanceof Error ? fault : new Error(String(fault));
        void this.#worker.terminate();
      });
    }
    // Its stores are closed and it has nothing left to do; its ports alone would keep it.
    if (message.kind === 'closed') void this.#worker.terminate();
    this.#onMessage(message);
  }

  async #catchUp(position: number): Promise<void> {
    const log = await this.#log;
    let next = Math.max(position, log.bounds().first);
    // Appends go on meanwhile; between the last check and `live` nothing can come, since nothing is awaited there.
    while (next <= log.bounds().last) {
      for await (const entry of log.read(next)) {
        if (entry.bytes === null) {
          this.#onMessage({
            kind: 'trouble',
            code: 'WEIR_LOG_DAMAGED',
            message: `record ${entry.seq} of the log fails its checksum`,
          });
        } else {
          this.send({ kind: 'record', seq: entry.seq, bytes: entry.bytes });
          this.#window++;
        }
        next = entry.seq + 1;
        while (this.#window >= WINDOW_RECORDS) await this.#room();
      }
    }
    this.send({ kind: 'live' });
    this.#live = true;
    this.#liveFrom = next - 1;
    this.#progress.setApplied(
      this.#setup.thread,
      Math.max(this.#progress.applied(this.#setup.thread), position - 1),
    );
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#windowFree = () => {
        this.#windowFree = null;
        resolve();
      };
    });
  }

  /** Checkpoints, closes its stores and ends. */
  async close(): Promise<void> {
    this.#closing = true;
    this.send({ kind: 'close' });
    // One that could not start has ended already.
    await this.#ended;
  }
}
