import { strict as assert } from 'node:assert';
import { type LogRecord, WeirError } from '../../contract/index.ts';
import { LOG_IN_FLIGHT } from '../../log/port.ts';
import { isNoSpace, reasonOf } from './segment-db.ts';

export interface Waiting {
  record: LogRecord;
  bytes: Uint8Array;
  resolve: (bytes: Uint8Array) => void;
  reject: (fault: Error) => void;
}

/**
 * Appends on their way to the disk. One synced write is under way at a time, and takes with it all that waited: two
 * at once could reach LevelDB's own queue in either order, and a power cut between them would leave the later one
 * without the earlier. What is lost is the turn of the event loop between two syncs, while encoding still overlaps.
 */
export class AppendQueue {
  readonly #write: (group: Waiting[]) => Promise<void>;
  readonly #onFault: (fault: unknown) => void;
  readonly #waiting: Waiting[] = [];
  #accepted: number;
  #underWay = 0;
  #running: Promise<void> | null = null;
  #refusal: WeirError | null = null;

  constructor(options: {
    last: number;
    write: (group: Waiting[]) => Promise<void>;
    onFault: (fault: unknown) => void;
  }) {
    this.#accepted = options.last;
    this.#write = options.write;
    this.#onFault = options.onFault;
  }

  append(record: LogRecord, encode: (record: LogRecord) => Uint8Array): Promise<Uint8Array> {
    assert(
      this.#waiting.length + this.#underWay < LOG_IN_FLIGHT,
      'more appends under way than LOG_IN_FLIGHT',
    );
    if (this.#refusal !== null) return Promise.reject(this.#refusal);
    if (record.seq !== this.#accepted + 1) {
      const message = `the log expects record ${this.#accepted + 1}, not ${record.seq}`;
      return Promise.reject(new WeirError('WEIR_LOG_FENCED', message));
    }
    const bytes = encode(record);
    this.#accepted = record.seq;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** From now on every append is refused; those that wait are, too. `last` is the newest durable one. */
  refuse(fault: WeirError, last: number): void {
    this.#refusal = fault;
    this.#accepted = last;
    for (const { reject } of this.#waiting.splice(0)) reject(fault);
  }

  resume(): void {
    this.#refusal = null;
  }

  /** Takes no more appends, and waits for those that it has taken. */
  async drain(refusal: WeirError): Promise<void> {
    this.#refusal = refusal;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Lets a second append of the same turn join the first one's sync.
    await null;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      this.#underWay = group.length;
      try {
        await this.#write(group);
        this.#underWay = 0;
        for (const { resolve, bytes } of group) resolve(bytes);
      } catch (fault) {
        this.#underWay = 0;
        // The order matters: the log refuses what comes next before the callers hear of what failed.
        this.#onFault(fault);
        for (const { reject } of group) reject(refusalFor(fault));
      }
    }
    this.#running = null;
  }
}

export function refusalFor(fault: unknown): WeirError {
  if (fault instanceof WeirError) return fault;
  const why = reasonOf(fault);
  return isNoSpace(fault)
    ? new WeirError('WEIR_LOG_FULL', `the disk has no room for the log: ${why}`, {
        cause: fault,
        suggestion: 'free space, or lower retention.rawBytes',
      })
    : new WeirError('WEIR_LOG_UNAVAILABLE', `the disk refused a write of the log: ${why}`, { cause: fault });
}
