import { setTimeout as delay } from 'node:timers/promises';
import { isWeirError, WeirError } from '../../contract/index.ts';
import type { LogEntry } from '../../log/port.ts';
import type { EmbeddedLogOptions } from './options.ts';
import { isDamage, reasonOf, type SegmentDb } from './segment-db.ts';
import type { SegmentList } from './segment-list.ts';
import type { Lease, SegmentPool } from './segment-pool.ts';
import { getRecord, readRecords } from './segment-reader.ts';

/** A reader whose segment was closed under it asks again this often; recoveries take a part of a second. */
const RETRIES = 50;

/** Reads over segments: each is borrowed from the pool while it is read, so that few are open at a time. */
export class LogReader {
  readonly #segments: SegmentList;
  readonly #pool: SegmentPool;
  readonly #options: EmbeddedLogOptions;
  readonly #closing: AbortSignal;

  constructor(segments: SegmentList, pool: SegmentPool, options: EmbeddedLogOptions, closing: AbortSignal) {
    this.#segments = segments;
    this.#pool = pool;
    this.#options = options;
    this.#closing = closing;
  }

  async *range(from: number, to: number): AsyncGenerator<LogEntry> {
    let next = from;
    for (let retries = 0; ; ) {
      // What is forgotten while somebody reads it is left out.
      next = Math.max(next, this.#segments.first);
      if (next > to) return;
      const first = this.#segments.ownerOf(next);
      const end = Math.min(to, this.#segments.lastOwned(first));
      const lease = await this.borrow(first);
      if (lease === null) {
        for (; next <= end && next >= this.#segments.first; next++) yield { seq: next, bytes: null };
        continue;
      }
      try {
        for await (const entry of readRecords(lease.db, next, end, this.#options.codec.check)) {
          next = entry.seq + 1;
          yield entry;
        }
      } catch (fault) {
        await this.#again(fault, lease.db, retries++);
      } finally {
        lease.release();
      }
    }
  }

  async get(seq: number): Promise<LogEntry | null> {
    for (let retries = 0; ; retries++) {
      if (seq < this.#segments.first || seq > this.#segments.last) return null;
      const first = this.#segments.ownerOf(seq);
      const lease = await this.borrow(first);
      if (lease === null) return seq < this.#segments.first ? null : { seq, bytes: null };
      try {
        return await getRecord(lease.db, seq, this.#options.codec.check);
      } catch (fault) {
        await this.#again(fault, lease.db, retries);
      } finally {
        lease.release();
      }
    }
  }

  /** Null for a segment that is forgotten, or damaged beyond opening; its records are reported one by one. */
  async borrow(first: number): Promise<Lease | null> {
    try {
      return await this.#pool.acquire(first);
    } catch (fault) {
      if (first < this.#segments.first) return null;
      if (isWeirError(fault)) throw fault;
      if (isDamage(fault)) {
        const message = `the segment of record ${first} cannot be read: ${reasonOf(fault)}`;
        this.#options.onNotice({ kind: 'segment-damaged', message, cause: fault });
        return null;
      }
      const message = `the log cannot be read now: ${reasonOf(fault)}`;
      throw new WeirError('WEIR_LOG_UNAVAILABLE', message, { cause: fault });
    }
  }

  async #again(fault: unknown, db: SegmentDb, retries: number): Promise<void> {
    if (db.status === 'open' || this.#closing.aborted || retries >= RETRIES) throw fault;
    await delay(this.#options.retryMs / 10, undefined, { ref: false });
  }
}
