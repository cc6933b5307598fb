import { strict as assert } from 'node:assert';
import { type LogRecord, WeirError } from '../contract/index.ts';
import { recordMayHold } from './find-in-record.ts';
import { type CommitLog, LOG_IN_FLIGHT, type LogEntry, type LogFind, type LogStats } from './port.ts';
import type { RecordCodec } from './record-codec.ts';

interface Waiting {
  record: LogRecord;
  bytes: Uint8Array;
  resolve: (bytes: Uint8Array) => void;
  reject: (fault: Error) => void;
}

/** Faults that a test switches on: the log then behaves as the embedded one does on a bad disk. */
export interface MemoryLogFaults {
  /** Appends wait, as on a disk that takes its time, until the returned function is called. */
  stall(): () => void;
  /** Appends are refused for want of space until it is switched off again. */
  full(on: boolean): void;
  /** Appends fail as after an fsync error until it is switched off again. */
  failing(on: boolean): void;
  /** Flips a bit of a stored record. */
  damage(seq: number): void;
  /** Drops the newest records, as a torn tail would that was never acknowledged. */
  tear(records: number): void;
  /**
   * The power goes: no append that waits is ever answered. Of those, and of the ones that a bad disk refused since it
   * last took one, the oldest `kept` are found in the log afterwards, as the port allows; the log is sound again.
   */
  crash(kept: number): void;
}

/** The log without a disk: for tests of what stands upon the port, and the oracle of the contract suite. */
export class MemoryLog implements CommitLog {
  readonly faults: MemoryLogFaults;
  readonly #codec: RecordCodec;
  readonly #segmentRecords: number;
  readonly #records = new Map<number, { bytes: Uint8Array; wallMs: number; clockTrusted: boolean }>();
  readonly #waiting: Waiting[] = [];
  readonly #later: (run: () => void) => void;
  /** Refused since an append last succeeded: a crash may bring them back. */
  #refused: Pick<Waiting, 'record' | 'bytes'>[] = [];
  #first = 1;
  #last = 0;
  #accepted = 0;
  #stalls = 0;
  #state: LogStats['state'] = 'ok';
  #closed = false;
  #scheduled = false;
  #appendedRecords = 0;
  #appendedBytes = 0;

  /** `later` decides when what waits becomes durable; absent, soon. */
  constructor(options: { codec: RecordCodec; segmentRecords?: number; later?: (run: () => void) => void }) {
    this.#codec = options.codec;
    this.#later = options.later ?? setImmediate;
    this.#segmentRecords = options.segmentRecords ?? 1000;
    this.faults = {
      stall: () => this.#stall(),
      full: (on) => this.#switch(on ? 'full' : 'ok'),
      failing: (on) => this.#switch(on ? 'failed' : 'ok'),
      damage: (seq) => this.#damage(seq),
      tear: (records) => this.#tear(records),
      crash: (kept) => this.#crash(kept),
    };
  }

  append(record: LogRecord): Promise<Uint8Array> {
    assert(this.#waiting.length < LOG_IN_FLIGHT, 'more appends under way than LOG_IN_FLIGHT');
    if (this.#closed) return Promise.reject(new WeirError('WEIR_LOG_UNAVAILABLE', 'the log is closed'));
    if (this.#state !== 'ok') return Promise.reject(this.#refusal());
    if (record.seq !== this.#accepted + 1) {
      const message = `the log expects record ${this.#accepted + 1}, not ${record.seq}`;
      return Promise.reject(new WeirError('WEIR_LOG_FENCED', message));
    }
    this.#accepted = record.seq;
    const bytes = this.#codec.encode(record);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, bytes, resolve, reject });
      this.#schedule();
    });
  }

  bounds(): { first: number; last: number } {
    return { first: this.#first, last: this.#last };
  }

  async *read(fromSeq: number): AsyncIterable<LogEntry> {
    const to = this.#last;
    for (let seq = Math.max(fromSeq, this.#first); seq <= to; seq++) yield this.#entry(seq);
  }

  async get(seq: number): Promise<LogEntry | null> {
    return seq < this.#first || seq > this.#last ? null : this.#entry(seq);
  }

  async find(query: LogFind): Promise<number[]> {
    const found: number[] = [];
    for (let step = 0; step <= this.#last - this.#first; step++) {
      if (found.length === query.limit) break;
      const seq = query.order === 'asc' ? this.#first + step : this.#last - step;
      const { bytes } = this.#entry(seq);
      const record = bytes === null ? null : this.#codec.decode(bytes);
      if (record !== null && recordMayHold(record, query)) found.push(seq);
    }
    return found.sort((a, b) => a - b);
  }

  async forget(bound: { olderThanWallMs: number | null; maxBytes: number; keepFromSeq: number }) {
    const freed = { segments: 0, bytes: 0 };
    for (;;) {
      const end = this.#first + this.#segmentRecords;
      if (end > this.#last || end > bound.keepFromSeq) return freed;
      const old = bound.olderThanWallMs !== null && this.#endedMs(end - 1) < bound.olderThanWallMs;
      if (!old && this.stats().bytes <= bound.maxBytes) return freed;
      freed.segments++;
      for (; this.#first < end; this.#first++) {
        freed.bytes += this.#records.get(this.#first)?.bytes.length ?? 0;
        this.#records.delete(this.#first);
      }
    }
  }

  stats(): LogStats {
    let bytes = 0;
    for (const record of this.#records.values()) bytes += record.bytes.length;
    return {
      segments: Math.max(1, Math.ceil((this.#last - this.#first + 1) / this.#segmentRecords)),
      bytes,
      appendedRecords: this.#appendedRecords,
      appendedBytes: this.#appendedBytes,
      fsyncMsP99: 0,
      state: this.#state,
    };
  }

  async scrub(progress?: (done: number, of: number) => void): Promise<number[]> {
    const damaged: number[] = [];
    const of = this.#last - this.#first + 1;
    for await (const entry of this.read(this.#first)) {
      if (entry.bytes === null) damaged.push(entry.seq);
      progress?.(entry.seq - this.#first + 1, of);
    }
    return damaged;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#rejectAll(new WeirError('WEIR_LOG_UNAVAILABLE', 'the log was closed'));
  }

  #entry(seq: number): LogEntry {
    const stored = this.#records.get(seq);
    const sound = stored !== undefined && this.#codec.check(stored.bytes) === seq;
    return { seq, bytes: sound ? stored.bytes : null };
  }

  /** By the first trusted clock from the segment's last record on. */
  #endedMs(seq: number): number {
    for (let at = seq; at <= this.#last; at++) {
      const record = this.#records.get(at);
      if (record?.clockTrusted) return record.wallMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #schedule(): void {
    if (this.#scheduled || this.#stalls > 0) return;
    this.#scheduled = true;
    this.#later(() => {
      this.#scheduled = false;
      if (this.#stalls === 0) this.#commit();
    });
  }

  #commit(): void {
    for (const { record, bytes, resolve } of this.#waiting.splice(0)) {
      this.#store(record, bytes);
      this.#refused = [];
      resolve(bytes);
    }
  }

  #store(record: LogRecord, bytes: Uint8Array): void {
    this.#records.set(record.seq, { bytes, wallMs: record.wallMs, clockTrusted: record.clockTrusted });
    this.#last = record.seq;
    this.#appendedRecords++;
    this.#appendedBytes += bytes.length;
  }

  #stall(): () => void {
    let held = true;
    this.#stalls++;
    return () => {
      if (held) this.#stalls--;
      held = false;
      this.#schedule();
    };
  }

  #switch(state: LogStats['state']): void {
    this.#state = state;
    if (state !== 'ok') this.#rejectAll(this.#refusal());
  }

  #refusal(): WeirError {
    return this.#state === 'full'
      ? new WeirError('WEIR_LOG_FULL', 'the disk has no room for the log')
      : new WeirError('WEIR_LOG_UNAVAILABLE', 'the disk refused a write of the log');
  }

  #rejectAll(fault: WeirError): void {
    this.#accepted = this.#last;
    for (const waiting of this.#waiting.splice(0)) {
      // What was refused for want of space was never handed to the disk.
      if (this.#state === 'failed') this.#refused.push(waiting);
      waiting.reject(fault);
    }
  }

  #crash(kept: number): void {
    for (const { record, bytes } of [...this.#refused, ...this.#waiting].slice(0, kept))
      if (record.seq === this.#last + 1) this.#store(record, bytes);
    this.#refused = [];
    this.#waiting.length = 0;
    this.#scheduled = false;
    this.#accepted = this.#last;
    this.#state = 'ok';
  }

  #damage(seq: number): void {
    const stored = this.#records.get(seq);
    assert(stored, `there is no record ${seq} to damage`);
    const bytes = stored.bytes.slice();
    bytes[bytes.length >> 1] ^= 1;
    this.#records.set(seq, { ...stored, bytes });
  }

  #tear(records: number): void {
    for (let count = 0; count < records && this.#last >= this.#first; count++) {
      this.#records.delete(this.#last--);
    }
    this.#accepted = this.#last;
  }
}
