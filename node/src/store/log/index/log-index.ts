import { setImmediate as turn } from 'node:timers/promises';
import type { LogEntry, LogFind } from '../../../log/port.ts';
import type { RecordCodec } from '../../../log/record-codec.ts';
import { reasonOf } from '../segment-db.ts';
import type { Lease } from '../segment-pool.ts';
import { SegmentIndex } from './segment-index.ts';

/** Indexes of sealed segments in memory; each is some bytes a record and stream. */
const KEPT_INDEXES = 16;

type Extents = Map<string, { from: number; to: number }>;

/** What the index asks of the log. Segments are named by their first sequence. */
export interface IndexedLog {
  segments(): number[];
  lastOwned(first: number): number;
  isActive(first: number): boolean;
  /** Null for a segment that does not open. */
  borrow(first: number): Promise<Lease | null>;
  read(from: number, to: number): AsyncIterable<LogEntry>;
  decode: RecordCodec['decode'];
  onLost(message: string, cause: unknown): void;
  isClosing(): boolean;
  /** Whether there is room to write a segment's buffers once more. */
  hasRoom(): Promise<boolean>;
  closeIdle(first: number): Promise<boolean>;
}

/**
 * The index over all segments. That of the segment being written grows with each append; after a start it first
 * catches up in the background. A sealed one is loaded when it is asked for, and completed if a crash left it
 * unfinished. An index can always be built again from the records, so a damaged one is no more than slow.
 */
export class LogIndex {
  readonly #log: IndexedLog;
  readonly #indexes = new Map<number, Promise<SegmentIndex>>();
  /** Of all sealed segments ever asked: most questions are about few of them. */
  readonly #extents = new Map<number, Extents>();
  /** Sealed while there was no room to settle them. */
  readonly #unsettled = new Map<number, Lease>();
  readonly #tasks = new Set<Promise<void>>();
  /** The index that takes each record as it is appended. */
  #live: { first: number; index: SegmentIndex } | null = null;

  constructor(log: IndexedLog) {
    this.#log = log;
  }

  /** The segment that is written from now on; the one before it is sealed behind the writer's back. */
  begin(first: number, isNew: boolean): void {
    const sealed = this.#live?.first ?? this.#log.segments().findLast((each) => each < first);
    this.#live = null;
    if (isNew) {
      const index = new SegmentIndex(first);
      this.#indexes.set(first, Promise.resolve(index));
      this.#live = { first, index };
    } else {
      this.#background(first);
    }
    if (sealed !== undefined) this.#background(sealed);
  }

  appended(record: NonNullable<ReturnType<RecordCodec['decode']>>): void {
    // Behind while it is catching up: the record is then read back from the log.
    if (this.#live?.index.nextSeq === record.seq) this.#live.index.add(record);
  }

  takePuts(first: number, lastSeq: number) {
    return this.#live?.first === first ? this.#live.index.takePuts(lastSeq) : [];
  }

  stored(first: number): void {
    if (this.#live?.first === first) this.#live.index.stored();
  }

  async find(query: LogFind): Promise<number[]> {
    const segments = this.#log.segments();
    if (query.order === 'desc') segments.reverse();
    const found: number[][] = [];
    let count = 0;
    for (const first of segments) {
      if (count >= query.limit || this.#log.isClosing()) break;
      if (!this.#mayHold(first, query)) continue;
      const own = await this.#findIn(first, query);
      found.push(own);
      count += own.length;
    }
    if (query.order === 'desc') return found.reverse().flat().slice(-query.limit);
    return found.flat().slice(0, query.limit);
  }

  drop(first: number): void {
    this.#unsettled.get(first)?.release();
    this.#unsettled.delete(first);
    this.#indexes.delete(first);
    this.#extents.delete(first);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#tasks);
  }

  #mayHold(first: number, query: LogFind): boolean {
    const extents = this.#extents.get(first);
    if (extents === undefined) return true;
    const extent = extents.get(query.stream);
    return extent !== undefined && extent.from <= query.to && extent.to >= query.from;
  }

  async #findIn(first: number, query: LogFind): Promise<number[]> {
    const lease = await this.#log.borrow(first);
    if (lease === null) return [];
    try {
      const stored = await (await this.#indexOf(first)).find(query, lease.db);
      if (stored !== null) return stored;
      this.#log.onLost(`the index of segment ${first} is damaged and is built again`, null);
      this.drop(first);
      const rebuilt = this.#remember(first, this.#complete(first, new SegmentIndex(first)));
      return (await (await rebuilt).find(query, lease.db)) ?? [];
    } finally {
      lease.release();
    }
  }

  #indexOf(first: number): Promise<SegmentIndex> {
    return this.#indexes.get(first) ?? this.#remember(first, this.#load(first));
  }

  #remember(first: number, index: Promise<SegmentIndex>): Promise<SegmentIndex> {
    this.#indexes.set(first, index);
    index.catch(() => {
      if (this.#indexes.get(first) === index) this.#indexes.delete(first);
    });
    for (const old of this.#indexes.keys()) {
      if (this.#indexes.size <= KEPT_INDEXES) break;
      if (old !== first && old !== this.#live?.first && !this.#log.isActive(old)) this.#indexes.delete(old);
    }
    return index;
  }

  async #load(first: number): Promise<SegmentIndex> {
    const lease = await this.#log.borrow(first);
    if (lease === null) return new SegmentIndex(first);
    try {
      return await this.#complete(
        first,
        await SegmentIndex.load(lease.db, first, this.#log.lastOwned(first)),
      );
    } finally {
      lease.release();
    }
  }

  /** Adds the records that the index has not seen; then it is live, or sealed. */
  async #complete(first: number, index: SegmentIndex): Promise<SegmentIndex> {
    while (index.nextSeq <= this.#log.lastOwned(first) && !this.#log.isClosing()) {
      for await (const { bytes } of this.#log.read(index.nextSeq, this.#log.lastOwned(first))) {
        index.add(bytes === null ? null : this.#log.decode(bytes));
        if (this.#log.isClosing()) return index;
        // Unpacking takes milliseconds a record: appends come first.
        await turn();
      }
    }
    if (this.#log.isActive(first)) this.#live = { first, index };
    else await this.#seal(first, index);
    return index;
  }

  async #seal(first: number, index: SegmentIndex): Promise<void> {
    const last = this.#log.lastOwned(first);
    if (!index.isSealed && last >= first && !this.#log.isClosing()) {
      const lease = await this.#log.borrow(first);
      if (lease === null) return;
      try {
        await lease.db.batch(index.takeSeal(last), { sync: true });
        index.sealed();
      } catch (fault) {
        // It stays whole in memory, and is sealed when it is next asked for after a start.
        this.#log.onLost(`the index of segment ${first} could not be stored: ${reasonOf(fault)}`, fault);
      }
      await this.#settle(first, lease);
    }
    this.#extents.set(first, index.extents());
  }

  /**
   * Opens a sealed segment anew, so that its write-ahead log becomes a table while there is surely room for it: on a
   * full disk its readers then need a few kilobytes, not as much again as the log. It also frees the write buffers.
   * Where there is no room now, the segment is kept open until there is.
   */
  async #settle(first: number, lease: Lease): Promise<void> {
    if (!(await this.#log.hasRoom())) {
      this.#unsettled.set(first, lease);
      return;
    }
    lease.release();
    if (await this.#log.closeIdle(first)) (await this.#log.borrow(first))?.release();
  }

  async settleAll(): Promise<void> {
    for (const [first, lease] of this.#unsettled) {
      this.#unsettled.delete(first);
      await this.#settle(first, lease);
    }
  }

  /** Completes, and seals if it is not the segment being written. */
  #background(first: number): void {
    const task = this.#sealed(first)
      .catch((fault) => {
        if (!this.#log.isClosing()) {
          this.#log.onLost(`the index of segment ${first} is not ready: ${reasonOf(fault)}`, fault);
        }
      })
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  async #sealed(first: number): Promise<void> {
    const index = await this.#indexOf(first);
    if (this.#log.isActive(first)) return;
    await this.#seal(first, index);
  }
}
