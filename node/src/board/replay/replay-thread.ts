import { WeirError } from '../../contract/index.ts';
import type { CommitLog } from '../../log/port.ts';
import type { ArchivedRun } from '../../shard/archive-messages.ts';
import type { ArchivedAnswer, KnownFrom, TakeQuestion } from '../../shard/shadow-messages.ts';
import type { CalledThread } from '../called-thread.ts';

/** Records of one message, and messages under way: the next are there when the thread is done with the last. */
const RECORDS_A_CALL = 16;
const CALLS_UNDER_WAY = 2;

export type Positions = [shard: number, seq: number][];

export interface Taken {
  seq: number;
  readings: number;
  /** What the shadow has for good. */
  kept: number;
}

/** A line to what fills a shadow. */
export type ReplayLine = Pick<CalledThread, 'call' | 'end'>;

/** The thread that fills a shadow, and its line. It ends with the replay, whatever becomes of that. */
export class ReplayThread {
  readonly #thread: ReplayLine;

  constructor(thread: ReplayLine) {
    this.#thread = thread;
  }

  open(signal: AbortSignal): Promise<Positions> {
    return this.#thread.call('open', null, signal);
  }

  checkpoint(signal: AbortSignal): Promise<Positions> {
    return this.#thread.call('checkpoint', null, signal);
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
      const taken = this.#thread
        .call<Omit<Taken, 'seq'>>('take', question, signal)
        .then((one) => ({ ...one, seq }));
      // Looked at in its turn; until then its rejection is nobody's yet.
      taken.catch(() => undefined);
      underWay.push(taken);
    };
    let next = range.from;
    for await (const entry of log.read(range.from)) {
      if (entry.seq > range.to) break;
      if (entry.seq !== next++)
        throw new Error(`the log went on with record ${entry.seq}, where ${next - 1} was still to be read`);
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

  /** Gives it a run of the archive, from its first record to its last. */
  async *archived(run: ArchivedRun, nowMs: number, signal: AbortSignal): AsyncGenerator<ArchivedAnswer> {
    for (let done = false; !done; ) {
      const answer = await this.#thread.call<ArchivedAnswer>('archived', { run, nowMs }, signal);
      yield answer;
      done = answer.done;
    }
  }

  /** Its stores are closed. Answers from when on what it has made is made of what it has read. */
  close(signal: AbortSignal): Promise<KnownFrom> {
    return this.#thread.call('close', null, signal);
  }

  end(): Promise<void> {
    return this.#thread.end();
  }
}
