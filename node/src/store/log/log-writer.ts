import { setTimeout as delay } from 'node:timers/promises';
import { type LogRecord, WeirError } from '../../contract/index.ts';
import type { LogStats } from '../../log/port.ts';
import { AppendQueue, refusalFor, type Waiting } from './append-queue.ts';
import { type Ballast, freeBytes } from './ballast.ts';
import { FsyncWindow } from './fsync-window.ts';
import type { LogIndex } from './index/log-index.ts';
import type { EmbeddedLogOptions } from './options.ts';
import { recordKey } from './record-key.ts';
import { WRITE_BUFFER_BYTES } from './segment-db.ts';
import { createSegment, directoryBytes, MARKER_KEY, probeDisk, segmentDir } from './segment-files.ts';
import type { SegmentList } from './segment-list.ts';
import type { Lease, SegmentPool } from './segment-pool.ts';
import { getRecord } from './segment-reader.ts';

/** Free space is asked for again after this many appended bytes. */
const SPACE_CHECK_BYTES = 4 * 1024 * 1024;
/** More than can have been under way when a write failed. */
const REJECTED_AT_MOST = 1000;

export interface WriterParts {
  logDir: string;
  segments: SegmentList;
  pool: SegmentPool;
  ballast: Ballast;
  lease: Lease;
  index: LogIndex;
  options: EmbeddedLogOptions;
}

/**
 * Writes to the newest segment, begins the next one, and brings the log back when the disk has refused a write.
 *
 * LevelDB starts a new write-ahead log whenever its buffer is full. No acked record is lost in between: every put is
 * synced before it is acked, so the old file is whole when the new one is made; it is deleted only after the table
 * with its records and the manifest that names it are synced; and the first synced put into the new file also makes
 * its directory entry durable (ext4, xfs, f2fs and btrfs commit it together with the file).
 */
export class LogWriter {
  readonly #parts: WriterParts;
  readonly #queue: AppendQueue;
  readonly #fsyncs = new FsyncWindow();
  readonly #closing = new AbortController();
  #lease: Lease;
  #state: LogStats['state'] = 'ok';
  #appendedRecords = 0;
  #appendedBytes = 0;
  #sinceSpaceCheck = 0;
  #recovering: Promise<void> | null = null;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#lease = parts.lease;
    this.#queue = new AppendQueue({
      last: parts.segments.last,
      write: (group) => this.#write(group),
      onFault: (fault) => this.#onFault(fault),
    });
  }

  append(record: LogRecord): Promise<Uint8Array> {
    return this.#queue.append(record, this.#parts.options.codec.encode);
  }

  stats(): Pick<LogStats, 'appendedRecords' | 'appendedBytes' | 'fsyncMsP99' | 'state'> {
    return {
      appendedRecords: this.#appendedRecords,
      appendedBytes: this.#appendedBytes,
      fsyncMsP99: this.#fsyncs.p99(),
      state: this.#state,
    };
  }

  /** Begins with what the disk allows: a board that starts with a full disk serves reads at once. */
  async start(): Promise<void> {
    try {
      await this.#checkSpace();
    } catch (fault) {
      this.#onFault(fault);
    }
  }

  /** What is under way is still written; nothing more is taken. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#queue.drain(new WeirError('WEIR_LOG_UNAVAILABLE', 'the log is closed'));
    await this.#recovering;
  }

  /** Whether there is room to write the log's buffers once more. */
  async hasRoom(): Promise<boolean> {
    return (await this.#freeBytes()) >= this.#parts.options.reserveBytes + 2 * WRITE_BUFFER_BYTES;
  }

  async #write(group: Waiting[]): Promise<void> {
    const { segments, index, options } = this.#parts;
    if (this.#sinceSpaceCheck >= SPACE_CHECK_BYTES) await this.#checkSpace();
    if (this.#isSegmentFull(group[0].record.wallMs)) await this.#roll(group[0].record.seq);
    const startedMs = options.nowMs();
    await options.faults.beforeWrite();
    const { first } = segments.active;
    const batch = index.takePuts(first, segments.last);
    for (const { record, bytes } of group) {
      batch.push({ type: 'put', key: recordKey(record.seq), value: bytes });
    }
    await this.#lease.db.batch(batch, { sync: true });
    await options.faults.afterWrite();
    index.stored(first);
    this.#fsyncs.add(options.nowMs() - startedMs);
    for (const each of group) this.#count(each);
  }

  #count({ record, bytes }: Waiting): void {
    const { segments, index } = this.#parts;
    segments.active.bytes += bytes.length;
    segments.active.records++;
    segments.active.startMs ??= record.wallMs;
    segments.last = record.seq;
    index.appended(record);
    this.#appendedRecords++;
    this.#appendedBytes += bytes.length;
    this.#sinceSpaceCheck += bytes.length;
  }

  #isSegmentFull(wallMs: number): boolean {
    const { segmentBytes, segmentMs, segmentRecords } = this.#parts.options;
    const { bytes, records, startMs } = this.#parts.segments.active;
    if (records === 0) return false;
    return bytes >= segmentBytes || records >= segmentRecords || wallMs - (startMs ?? wallMs) >= segmentMs;
  }

  async #roll(first: number): Promise<void> {
    const { logDir, segments, pool, index } = this.#parts;
    const db = await createSegment(logDir, first);
    const sealed = segments.active;
    this.#lease.release();
    this.#lease = pool.adopt(first, db);
    segments.begin(first);
    index.begin(first, true);
    sealed.bytes = await directoryBytes(segmentDir(logDir, sealed.first));
  }

  #freeBytes(): Promise<number> {
    return freeBytes(this.#parts.logDir).then(this.#parts.options.faults.free);
  }

  async #checkSpace(more = 0): Promise<void> {
    const free = await this.#freeBytes();
    const needed = this.#parts.options.reserveBytes + this.#parts.ballast.owedBytes + more;
    if (free < needed) {
      const message = `ENOSPC: ${free} bytes are free, ${needed} are kept in reserve`;
      throw Object.assign(new Error(message), { code: 'ENOSPC' });
    }
    this.#sinceSpaceCheck = 0;
  }

  #onFault(fault: unknown): void {
    const refusal = this.#refuse(fault);
    const kind = refusal.code === 'WEIR_LOG_FULL' ? 'full' : 'failed';
    this.#parts.options.onNotice({ kind, message: refusal.message, cause: fault });
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = null;
    });
  }

  #refuse(fault: unknown): WeirError {
    const refusal = refusalFor(fault);
    this.#state = refusal.code === 'WEIR_LOG_FULL' ? 'full' : 'failed';
    this.#queue.refuse(refusal, this.#parts.segments.last);
    return refusal;
  }

  /** Tries until the disk takes a synced write again; until then the handle that has failed still serves reads. */
  async #recover(): Promise<void> {
    const { retryMs, onNotice } = this.#parts.options;
    const { signal } = this.#closing;
    for (;;) {
      // Opening a segment for a reader writes a few kilobytes: there must be room for that.
      if (this.#state === 'full') await this.#parts.ballast.throwOff();
      // An aborted wait is the log being closed.
      await delay(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#tryAgain();
        this.#state = 'ok';
        this.#queue.resume();
        const next = this.#parts.segments.last + 1;
        onNotice({ kind: 'recovered', message: `the log takes records again, from ${next} on` });
        return;
      } catch (fault) {
        this.#refuse(fault);
      }
    }
  }

  async #tryAgain(): Promise<void> {
    const { logDir, segments, ballast, index, options } = this.#parts;
    // What is in the write-ahead log is written again when the segment is opened.
    await this.#checkSpace(Math.min(2 * WRITE_BUFFER_BYTES, segments.active.bytes));
    await options.faults.beforeWrite();
    await probeDisk(logDir);
    await this.#reopen();
    await ballast.takeOn(options.reserveBytes);
    await index.settleAll();
  }

  /**
   * After a failed write LevelDB's handle refuses all others, and after a failed fsync nobody knows what is on the
   * disk. So the segment is opened anew: LevelDB reads its write-ahead log, writes what it finds to a table and syncs
   * that. What stands there beyond the newest acked record was rejected, and is deleted with another synced write.
   */
  async #reopen(): Promise<void> {
    const { segments, pool, options } = this.#parts;
    const { last, active } = segments;
    await pool.close(active.first);
    const lease = await pool.acquire(active.first);
    try {
      await lease.db.clear({ gt: recordKey(last), lte: recordKey(last + REJECTED_AT_MOST) });
      await lease.db.put(MARKER_KEY, new Uint8Array(1), { sync: true });
      const isThere = last < active.first || (await getRecord(lease.db, last, options.codec.check)).bytes;
      if (!isThere)
        options.onNotice({ kind: 'tail-lost', message: `record ${last} was acked and is damaged` });
    } catch (fault) {
      lease.release();
      throw fault;
    }
    this.#lease = lease;
  }
}
