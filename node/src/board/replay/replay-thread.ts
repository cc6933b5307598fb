import { MessageChannel, type Worker } from 'node:worker_threads';
import { Caller } from '../../client/rpc.ts';
import { WeirError } from '../../contract/index.ts';
import type { CommitLog } from '../../log/port.ts';
import type { ReplaySetup, TakeQuestion } from '../../shard/shadow-messages.ts';
import { startThread } from '../../shipped/index.ts';

/** Records of one message, and messages under way: the next are there when the thread is done with the last. */
const RECORDS_A_CALL = 16;
const CALLS_UNDER_WAY = 2;
const YOUNG_MB = 16;

export type Positions = [shard: number, seq: number][];

export interface Taken {
  seq: number;
  readings: number;
  /** What the shadow has for good. */
  kept: number;
}

/** The thread that fills a shadow, and its line. It ends with the replay, whatever becomes of that. */
export class ReplayThread {
  readonly #worker: Worker;
  readonly #caller: Caller;
  readonly #failed: Promise<never>;

  constructor(entry: URL, setup: ReplaySetup) {
    const { port1, port2 } = new MessageChannel();
    this.#worker = startThread(entry, {
      workerData: { ...setup, port: port2 },
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#caller = new Caller(port1);
    this.#failed = new Promise((_, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('exit', () => reject(new Error('the thread of the replay ended by itself')));
    });
    // It is looked at while a call is open, and means nothing after.
    this.#failed.catch(() => undefined);
  }

  #call<T>(method: string, params: unknown, signal: AbortSignal): Promise<T> {
    return Promise.race([this.#caller.call<T>(method, params, signal), this.#failed]);
  }

  open(signal: AbortSignal): Promise<Positions> {
    return this.#call('open', null, signal);
  }

  checkpoint(signal: AbortSignal): Promise<Positions> {
    return this.#call('checkpoint', null, signal);
  }

  /** Gives it the log from one record to another, and yields as it takes them. */
  async *feed(
    log: CommitLog,
    range: { from: number; to: number; until: Positions | null },
    signal: AbortSignal,
  ): AsyncGenerator<Taken> {
    const underWay: Promise<Taken>[] = [];
    let entries: TakeQuestion['entries'] = [];
    const send = () => {
      const question = { entries, until: range.until } satisfies TakeQuestion;
      const seq = entries[entries.length - 1].seq;
      entries = [];
      const taken = this.#call<Omit<Taken, 'seq'>>('take', question, signal).then((one) => ({ ...one, seq }));
      // Looked at in its turn; until then its rejection is nobody's yet.
      taken.catch(() => undefined);
      underWay.push(taken);
    };
    for await (const entry of log.read(range.from)) {
      if (entry.seq > range.to) break;
      signal.throwIfAborted();
      if (entry.bytes === null)
        throw new WeirError(
          'WEIR_LOG_DAMAGED',
          `record ${entry.seq} of the log fails its checksum: what it held cannot be made anew, so nothing is replaced`,
        );
      entries.push({ seq: entry.seq, bytes: entry.bytes });
      if (entries.length < RECORDS_A_CALL) continue;
      send();
      if (underWay.length >= CALLS_UNDER_WAY) yield await underWay.shift()!;
    }
    if (entries.length > 0) send();
    while (underWay.length > 0) yield await underWay.shift()!;
  }

  /** Stores closed, where it still answers. */
  async close(signal: AbortSignal): Promise<void> {
    await this.#call('close', null, signal);
  }

  async end(): Promise<void> {
    this.#caller.close();
    await this.#worker.terminate();
  }
}
