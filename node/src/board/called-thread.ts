import { MessageChannel, type Worker } from 'node:worker_threads';
import { Caller } from '../client/rpc.ts';
import type { ArchiveSetup } from '../shard/archive-loop.ts';
import type { ReplaySetup } from '../shard/shadow-messages.ts';
import { startThread } from '../shipped/index.ts';

const YOUNG_MB = 16;

/** A thread beside the shards', and its line. A call rejects when the thread ends. */
export class CalledThread {
  readonly #worker: Worker;
  readonly #caller: Caller;
  readonly #ended: Promise<never>;

  constructor(entry: URL, setup: ArchiveSetup | ReplaySetup) {
    const { port1, port2 } = new MessageChannel();
    this.#worker = startThread(entry, {
      workerData: { ...setup, port: port2 },
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#caller = new Caller(port1);
    this.#ended = new Promise<never>((_, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('exit', () => reject(new Error(`the thread of the ${setup.kind} ended by itself`)));
    });
    // Looked at with every call; after the last one its end is as it should be.
    this.#ended.catch(() => undefined);
  }

  call<T>(method: string, params: unknown, signal?: AbortSignal): Promise<T> {
    return Promise.race([this.#caller.call<T>(method, params, signal), this.#ended]);
  }

  async end(): Promise<void> {
    this.#caller.close();
    await this.#worker.terminate();
  }
}
