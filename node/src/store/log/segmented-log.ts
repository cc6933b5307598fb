import { setTimeout as delay } from 'node:timers/promises';
import { type LogRecord, WeirError } from '../../contract/index.ts';
import type { CommitLog, LogEntry, LogFind, LogStats } from '../../log/port.ts';
import { AppendQueue, refusalFor, type Waiting } from './append-queue.ts';
import { type Ballast, freeBytes } from './ballast.ts';
import { FsyncWindow } from './fsync-window.ts';
import { LogIndex } from './index/log-index.ts';
import type { EmbeddedLogOptions } from './options.ts';
import { recordKey } from './record-key.ts';
import { isDamage, reasonOf, type SegmentDb, WRITE_BUFFER_BYTES } from './segment-db.ts';
import {
  createSegment,
  directoryBytes,
  MARKER_KEY,
  probeDisk,
  removeSegment,
  segmentDir,
} from './segment-files.ts';
import type { Lease, SegmentPool } from './segment-pool.ts';
import { getRecord, readRecords } from './segment-reader.ts';

/** Free space is asked for again after this many appended bytes. */
const SPACE_CHECK_BYTES = 4 * 1024 * 1024;
/** A reader whose segment was closed under it by a recovery asks again this often. */
const READ_RETRIES = 50;

export interface Segment {
  /** It owns the sequences from here to the next segment's `first`, whatever stands in it beyond. */
  first: number;
  bytes: number;
  records: number;
  /** The clock of its first record; null before there is one. */
  startMs: number | null;
}

/** What `openEmbeddedLog` found and made. */
export interface OpenedParts {
  logDir: string;
  pool: SegmentPool;
  ballast: Ballast;
  lock: SegmentDb;
  segments: Segment[];
  writer: Lease;
  last: number;
}

/**
 * The log of a single board: one append-only LevelDB a segment. The list of segments is the list of directories, and
 * a segment's last record is one before the next one's first, so there is nothing else to keep in step.
 *
 * A crash between any two steps is harmless: a record is in the one synced write or not at all, a segment appears and
 * disappears by a rename, and an index that is not whole is built again.
 *
 * LevelDB starts a new write-ahead log whenever its buffer is full. No acked record is lost in between: every put is
 * synced before it is acked, so the old file is whole when the new one is made, it is deleted only after the table
 * with its records and the manifest that names it are synced, and the first synced put into the new file also makes
 * its directory entry durable (ext4, xfs, f2fs and btrfs commit it together with the file; 0 of 36,110 lost).
 */
export class SegmentedLog implements CommitLog {
  readonly #options: EmbeddedLogOptions;
  readonly #parts: OpenedParts;
  readonly #queue: AppendQueue;
  readonly #fsyncs = new FsyncWindow();
  readonly #segments: Segment[];
  readonly #index: LogIndex;
  #writer: Lease;
  #last: number;
  #state: LogStats['state'] = 'ok';
  #appendedRecords = 0;
  #appendedBytes = 0;
  #sinceSpaceCheck = 0;
  /** Sealed while there was no room to settle them. */
  readonly #unsettled = new Map<number, Lease>();
  readonly #stop = new AbortController();
  #recovering: Promise<void> | null = null;

  constructor(options: EmbeddedLogOptions, parts: OpenedParts) {
    this.#options = options;
    this.#parts = parts;
    this.#segments = parts.segments;
    this.#writer = parts.writer;
    this.#last = parts.last;
    this.#queue = new AppendQueue({
      last: parts.last,
      write: (group) => this.#write(group),
      onFault: (fault) => this.#onFault(fault),
    });
    this.#index = new LogIndex({
      segments: () => this.#segments.map((segment) => segment.first),
      lastOwned: (first) => this.#lastOwned(this.#ownerOf(first)),
      isActive: (first) => this.#active().first === first,
      borrow: (first) => this.#borrow(first),
      read: (from, to) => this.#readRange(from, to),
      decode: options.codec.decode,
      onLost: (message, cause) => options.onNotice({ kind: 'index-lost', message, cause }),
      isClosing: () => this.#stop.signal.aborted,
      settle: (first) => this.#settle(first),
    });
    this.#index.begin(this.#active().first, this.#last < this.#active().first);
  }

  append(record: LogRecord): Promise<Uint8Array> {
    return this.#queue.append(record, this.#options.codec.encode);
  }

  bounds(): { first: number; last: number } {
    return { first: this.#segments[0].first, last: this.#last };
  }

  read(fromSeq: number): AsyncIterable<LogEntry> {
    return this.#readRange(Math.max(fromSeq, this.bounds().first), this.#last);
  }

  async *#readRange(from: number, to: number): AsyncGenerator<LogEntry> {
    let next = from;
    for (let retries = 0; next <= to; ) {
      const segment = this.#ownerOf(next);
      const end = Math.min(to, this.#lastOwned(segment));
      const lease = await this.#borrow(segment.first);
      if (lease === null) {
        for (; next <= end; next++) yield { seq: next, bytes: null };
        continue;
      }
      try {
        for await (const entry of readRecords(lease.db, next, end, this.#options.codec.check)) {
          next = entry.seq + 1;
          yield entry;
        }
      } catch (fault) {
        await this.#readAgain(fault, lease.db, retries++);
      } finally {
        lease.release();
      }
    }
  }

  async get(seq: number): Promise<LogEntry | null> {
    const { first, last } = this.bounds();
    if (seq < first || seq > last) return null;
    for (let retries = 0; ; retries++) {
      const lease = await this.#borrow(this.#ownerOf(seq).first);
      if (lease === null) return { seq, bytes: null };
      try {
        return await getRecord(lease.db, seq, this.#options.codec.check);
      } catch (fault) {
        await this.#readAgain(fault, lease.db, retries);
      } finally {
        lease.release();
      }
    }
  }

  find(query: LogFind): Promise<number[]> {
    return this.#index.find(query);
  }

  async forget(bound: { olderThanWallMs: number | null; maxBytes: number; keepFromSeq: number }) {
    const freed = { segments: 0, bytes: 0 };
    while (this.#segments.length > 1) {
      const [oldest, next] = this.#segments;
      this.#unsettled.get(oldest.first)?.release();
      this.#unsettled.delete(oldest.first);
      if (next.first > bound.keepFromSeq || this.#parts.pool.isBusy(oldest.first)) break;
      const tooMany = this.#totalBytes() > bound.maxBytes;
      if (!tooMany && !(await this.#isOlder(oldest, bound.olderThanWallMs))) break;
      // Out of sight first: a read that begins now no longer asks for it.
      this.#segments.shift();
      this.#index.drop(oldest.first);
      await this.#parts.pool.close(oldest.first);
      await removeSegment(this.#parts.logDir, oldest.first);
      freed.segments++;
      freed.bytes += oldest.bytes;
    }
    return freed;
  }

  stats(): LogStats {
    return {
      segments: this.#segments.length,
      bytes: this.#totalBytes(),
      appendedRecords: this.#appendedRecords,
      appendedBytes: this.#appendedBytes,
      fsyncMsP99: this.#fsyncs.p99(),
      state: this.#state,
    };
  }

  async scrub(progress?: (done: number, of: number) => void): Promise<number[]> {
    const { first, last } = this.bounds();
    const damaged: number[] = [];
    for await (const { seq, bytes } of this.read(first)) {
      if (bytes === null) damaged.push(seq);
      progress?.(seq - first + 1, last - first + 1);
    }
    return damaged;
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#queue.idle();
    this.#queue.refuse(new WeirError('WEIR_LOG_UNAVAILABLE', 'the log is closed'), this.#last);
    await this.#recovering;
    await this.#index.idle();
    await this.#parts.pool.closeAll();
    await this.#parts.lock.close();
  }

  /** Begins with what the disk allows: a board that starts with a full disk serves reads at once. */
  async start(): Promise<this> {
    try {
      await this.#checkSpace();
    } catch (fault) {
      this.#onFault(fault);
    }
    return this;
  }

  async #write(group: Waiting[]): Promise<void> {
    const { faults, nowMs } = this.#options;
    if (this.#sinceSpaceCheck >= SPACE_CHECK_BYTES) await this.#checkSpace();
    if (this.#isSegmentFull(group[0].record.wallMs)) await this.#roll(group[0].record.seq);
    const startedMs = nowMs();
    await faults.beforeWrite();
    const { first } = this.#active();
    const batch = this.#index.takePuts(first, this.#last);
    for (const { record, bytes } of group) {
      batch.push({ type: 'put', key: recordKey(record.seq), value: bytes });
    }
    await this.#writer.db.batch(batch, { sync: true });
    this.#index.stored(first);
    this.#fsyncs.add(nowMs() - startedMs);
    for (const each of group) this.#count(each);
  }

  #count({ record, bytes }: Waiting): void {
    const segment = this.#active();
    segment.bytes += bytes.length;
    segment.records++;
    segment.startMs ??= record.wallMs;
    this.#last = record.seq;
    this.#index.appended(record);
    this.#appendedRecords++;
    this.#appendedBytes += bytes.length;
    this.#sinceSpaceCheck += bytes.length;
  }

  #isSegmentFull(wallMs: number): boolean {
    const { segmentBytes, segmentMs, segmentRecords } = this.#options;
    const { bytes, records, startMs } = this.#active();
    if (records === 0) return false;
    return bytes >= segmentBytes || records >= segmentRecords || wallMs - (startMs ?? wallMs) >= segmentMs;
  }

  async #roll(first: number): Promise<void> {
    const db = await createSegment(this.#parts.logDir, first);
    const sealed = this.#active();
    this.#writer.release();
    this.#writer = this.#parts.pool.adopt(first, db);
    this.#segments.push({ first, bytes: 0, records: 0, startMs: null });
    this.#index.begin(first, true);
    sealed.bytes = await directoryBytes(segmentDir(this.#parts.logDir, sealed.first));
  }

  /**
   * Opens a sealed segment anew, so that its write-ahead log becomes a table while there is surely room for it: on a
   * full disk its readers then need a few kilobytes, not as much again as the log. It also frees the write buffers.
   * Where there is no room now, the segment is kept open until there is.
   */
  async #settle(first: number): Promise<void> {
    if (this.#parts.pool.isBusy(first)) return;
    const kept = await this.#borrow(first);
    if (kept === null) return;
    if ((await this.#freeBytes()) < this.#options.reserveBytes + 2 * WRITE_BUFFER_BYTES) {
      this.#unsettled.set(first, kept);
      return;
    }
    await this.#parts.pool.close(first);
    (await this.#borrow(first))?.release();
  }

  async #settleAll(): Promise<void> {
    for (const [first, kept] of this.#unsettled) {
      this.#unsettled.delete(first);
      kept.release();
      await this.#settle(first);
    }
  }

  #freeBytes(): Promise<number> {
    return freeBytes(this.#parts.logDir).then(this.#options.faults.free);
  }

  async #checkSpace(more = 0): Promise<void> {
    const free = await this.#freeBytes();
    const needed = this.#options.reserveBytes + this.#parts.ballast.owedBytes + more;
    if (free < needed) {
      const message = `ENOSPC: ${free} bytes are free, ${needed} are kept in reserve`;
      throw Object.assign(new Error(message), { code: 'ENOSPC' });
    }
    this.#sinceSpaceCheck = 0;
  }

  #onFault(fault: unknown): void {
    const refusal = refusalFor(fault);
    this.#state = refusal.code === 'WEIR_LOG_FULL' ? 'full' : 'failed';
    this.#queue.refuse(refusal, this.#last);
    this.#options.onNotice({ kind: this.#state, message: refusal.message, cause: fault });
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = null;
    });
  }

  /**
   * After a failed write LevelDB's handle only reads, and after a failed fsync nobody knows what is on the disk. So,
   * once the disk takes a synced write again (until then the handle still serves reads), the segment is opened anew: LevelDB reads its write-ahead log, writes what it
   * finds to a table and syncs that. What stands there beyond the newest acked record was rejected and is deleted.
   */
  async #recover(): Promise<void> {
    const { retryMs, onNotice } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // Opening a segment for a reader writes a few kilobytes: there must be room for that.
      if (this.#state === 'full') await this.#parts.ballast.throwOff();
      // An aborted wait is the log being closed.
      await delay(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        // What is in the write-ahead log is written again when the segment is opened.
        await this.#checkSpace(Math.min(2 * WRITE_BUFFER_BYTES, this.#active().bytes));
        await this.#options.faults.beforeWrite();
        await probeDisk(this.#parts.logDir);
        await this.#reopenWriter();
        await this.#parts.ballast.takeOn(this.#options.reserveBytes);
        this.#state = 'ok';
        this.#queue.resume();
        await this.#settleAll();
        onNotice({ kind: 'recovered', message: `the log takes records again, from ${this.#last + 1} on` });
        return;
      } catch (fault) {
        this.#state = refusalFor(fault).code === 'WEIR_LOG_FULL' ? 'full' : 'failed';
        this.#queue.refuse(refusalFor(fault), this.#last);
      }
    }
  }

  async #reopenWriter(): Promise<void> {
    const { first } = this.#active();
    await this.#parts.pool.close(first);
    const writer = await this.#parts.pool.acquire(first);
    try {
      await writer.db.clear({ gt: recordKey(this.#last), lte: recordKey(this.#last + 1000) });
      await writer.db.put(MARKER_KEY, new Uint8Array(1), { sync: true });
      if (this.#last >= first) {
        const newest = await getRecord(writer.db, this.#last, this.#options.codec.check);
        if (newest.bytes === null) throw new Error(`record ${this.#last} was acked and is not there`);
      }
    } catch (fault) {
      writer.release();
      throw fault;
    }
    this.#writer = writer;
  }

  #active(): Segment {
    return this.#segments[this.#segments.length - 1];
  }

  #ownerOf(seq: number): Segment {
    let at = this.#segments.length - 1;
    while (at > 0 && this.#segments[at].first > seq) at--;
    return this.#segments[at];
  }

  #lastOwned(segment: Segment): number {
    const next = this.#segments[this.#segments.indexOf(segment) + 1];
    return next === undefined ? this.#last : next.first - 1;
  }

  /** Null for a segment whose files are damaged beyond opening; its records are reported one by one. */
  async #borrow(first: number): Promise<Lease | null> {
    try {
      return await this.#parts.pool.acquire(first);
    } catch (fault) {
      if (isDamage(fault)) {
        const message = `the segment of record ${first} does not open: ${reasonOf(fault)}`;
        this.#options.onNotice({ kind: 'segment-damaged', message, cause: fault });
        return null;
      }
      const message = `the log cannot be read now: ${reasonOf(fault)}`;
      throw new WeirError('WEIR_LOG_UNAVAILABLE', message, { cause: fault });
    }
  }

  async #readAgain(fault: unknown, db: SegmentDb, retries: number): Promise<void> {
    if (db.status === 'open' || this.#stop.signal.aborted || retries >= READ_RETRIES) throw fault;
    await delay(this.#options.retryMs / 10, undefined, { ref: false });
  }

  async #isOlder(segment: Segment, olderThanWallMs: number | null): Promise<boolean> {
    if (olderThanWallMs === null) return false;
    const newest = await this.get(this.#lastOwned(segment));
    const record = newest?.bytes ? this.#options.codec.decode(newest.bytes) : null;
    return record !== null && record.wallMs < olderThanWallMs;
  }

  #totalBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }
}
