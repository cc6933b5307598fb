import type { LogRecord } from '../../contract/index.ts';
import type { CommitLog, LogEntry, LogFind, LogStats } from '../../log/port.ts';
import type { Ballast } from './ballast.ts';
import { LogIndex } from './index/log-index.ts';
import { LogReader } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import type { EmbeddedLogOptions } from './options.ts';
import type { SegmentDb } from './segment-db.ts';
import { removeSegment } from './segment-files.ts';
import type { Segment, SegmentList } from './segment-list.ts';
import type { Lease, SegmentPool } from './segment-pool.ts';

/** What `openEmbeddedLog` found and made. */
export interface OpenedParts {
  logDir: string;
  pool: SegmentPool;
  ballast: Ballast;
  lock: SegmentDb;
  segments: SegmentList;
  lease: Lease;
}

interface ForgetBound {
  olderThanWallMs: number | null;
  maxBytes: number;
  keepFromSeq: number;
}

/**
 * The log of a single board: one append-only LevelDB a segment. The list of segments is the list of directories, and
 * a segment's last record is one before the next one's first, so there is nothing else to keep in step.
 *
 * A crash between any two steps is harmless: a record is in the one synced write or not at all, a segment appears and
 * disappears by a rename, and an index that is not whole is built again.
 */
export class SegmentedLog implements CommitLog {
  readonly #options: EmbeddedLogOptions;
  readonly #parts: OpenedParts;
  readonly #segments: SegmentList;
  readonly #reader: LogReader;
  readonly #writer: LogWriter;
  readonly #index: LogIndex;
  readonly #closing = new AbortController();
  #forgetting: Promise<unknown> = Promise.resolve();

  constructor(options: EmbeddedLogOptions, parts: OpenedParts) {
    const { segments, pool } = parts;
    this.#options = options;
    this.#parts = parts;
    this.#segments = segments;
    this.#reader = new LogReader(segments, pool, options, this.#closing.signal);
    this.#index = new LogIndex({
      segments: () => segments.firsts(),
      lastOwned: (first) => segments.lastOwned(first),
      isActive: (first) => segments.active.first === first,
      borrow: (first) => this.#reader.borrow(first),
      read: (from, to) => this.#reader.range(from, to),
      decode: options.codec.decode,
      onLost: (message, cause) => options.onNotice({ kind: 'index-lost', message, cause }),
      isClosing: () => this.#closing.signal.aborted,
      hasRoom: () => this.#writer.hasRoom(),
      closeIdle: (first) => pool.closeIfIdle(first),
    });
    this.#writer = new LogWriter({ ...parts, index: this.#index, options });
  }

  async start(): Promise<this> {
    this.#index.begin(this.#segments.active.first, this.#segments.active.records === 0);
    await this.#writer.start();
    return this;
  }

  append(record: LogRecord): Promise<Uint8Array> {
    return this.#writer.append(record);
  }

  bounds(): { first: number; last: number } {
    return { first: this.#segments.first, last: this.#segments.last };
  }

  read(fromSeq: number): AsyncIterable<LogEntry> {
    return this.#reader.range(fromSeq, this.#segments.last);
  }

  get(seq: number): Promise<LogEntry | null> {
    return this.#reader.get(seq);
  }

  find(query: LogFind): Promise<number[]> {
    return this.#index.find(query);
  }

  forget(bound: ForgetBound): Promise<{ segments: number; bytes: number }> {
    const freed = this.#forgetting.then(() => this.#forget(bound));
    // One at a time; whoever asked for the one before has its fault.
    this.#forgetting = freed.catch(() => undefined);
    return freed;
  }

  stats(): LogStats {
    return { segments: this.#segments.count, bytes: this.#segments.bytes(), ...this.#writer.stats() };
  }

  async scrub(progress?: (done: number, of: number) => void): Promise<number[]> {
    const { first, last } = this.bounds();
    const damaged: number[] = [];
    for await (const { seq, bytes } of this.#reader.range(first, last)) {
      if (bytes === null) damaged.push(seq);
      progress?.(seq - first + 1, last - first + 1);
    }
    return damaged;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#writer.close();
    await this.#forgetting;
    await this.#index.idle();
    await this.#parts.pool.closeAll();
    await this.#parts.lock.close();
  }

  async #forget(bound: ForgetBound): Promise<{ segments: number; bytes: number }> {
    const { pool, logDir } = this.#parts;
    // Sealing holds the segment open; it would only be left for the next time.
    await this.#index.idle();
    const freed = { segments: 0, bytes: 0 };
    while (this.#segments.count > 1 && !this.#closing.signal.aborted) {
      const { oldest } = this.#segments;
      if (this.#segments.lastOwned(oldest.first) >= bound.keepFromSeq) break;
      const tooMany = this.#segments.bytes() > bound.maxBytes;
      if (!tooMany && !(await this.#isOlder(oldest, bound.olderThanWallMs))) break;
      this.#index.drop(oldest.first);
      if (pool.isBusy(oldest.first)) break;
      // Out of sight first: a read that begins now no longer asks for it.
      this.#segments.forgetOldest();
      await pool.retire(oldest.first);
      await removeSegment(logDir, oldest.first);
      freed.segments++;
      freed.bytes += oldest.bytes;
    }
    return freed;
  }

  /** A clock that was lost says nothing of when a segment ended: the next record that knows the time came after that. */
  async #isOlder(segment: Segment, olderThanWallMs: number | null): Promise<boolean> {
    if (olderThanWallMs === null) return false;
    for await (const { bytes } of this.read(this.#segments.lastOwned(segment.first))) {
      const record = bytes === null ? null : this.#options.codec.decode(bytes);
      if (record?.clockTrusted) return record.wallMs < olderThanWallMs;
    }
    return false;
  }
}
