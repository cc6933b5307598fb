import { WeirError } from '../../contract/index.ts';
import { reasonOf, type SegmentDb } from './segment-db.ts';

/** A segment that is lent; it stays open until it is released, once. */
export interface Lease {
  db: SegmentDb;
  release(): void;
}

interface Open {
  db: Promise<SegmentDb>;
  users: number;
  lastUse: number;
}

/**
 * The segments that are open. The one that is written and those that are being read stay; of the idle ones the least
 * recently used is closed when there are more than `maxOpen`, since each costs a few file descriptors. Opening waits
 * for the closing of the same segment, which holds LevelDB's lock on it.
 */
export class SegmentPool {
  readonly #openSegment: (first: number) => Promise<SegmentDb>;
  readonly #maxOpen: number;
  readonly #open = new Map<number, Open>();
  readonly #closing = new Map<number, Promise<void>>();
  #clock = 0;
  #retiredTo = 0;
  #isClosed = false;

  constructor(options: { open: (first: number) => Promise<SegmentDb>; maxOpen: number }) {
    this.#openSegment = options.open;
    this.#maxOpen = options.maxOpen;
  }

  async acquire(first: number): Promise<Lease> {
    if (this.#isClosed) throw new WeirError('WEIR_LOG_UNAVAILABLE', 'the log is closed');
    if (first <= this.#retiredTo) throw new Error(`segment ${first} is forgotten`);
    const open = this.#open.get(first) ?? this.#opened(first);
    open.users++;
    open.lastUse = ++this.#clock;
    try {
      return this.#lease(open, await open.db);
    } catch (fault) {
      if (this.#open.get(first) === open) this.#open.delete(first);
      throw fault;
    }
  }

  /** Takes over a segment that was opened elsewhere, as lent to its writer. */
  adopt(first: number, db: SegmentDb): Lease {
    const open = { db: Promise.resolve(db), users: 1, lastUse: ++this.#clock };
    this.#open.set(first, open);
    return this.#lease(open, db);
  }

  isBusy(first: number): boolean {
    return (this.#open.get(first)?.users ?? 0) > 0;
  }

  /** Closes the segment, whoever uses it: their next step fails, and they may ask for it again. */
  async close(first: number): Promise<void> {
    const open = this.#open.get(first);
    this.#open.delete(first);
    if (open !== undefined) this.#startClosing(first, open);
    await this.#closing.get(first);
  }

  async closeIfIdle(first: number): Promise<boolean> {
    if (this.isBusy(first)) return false;
    await this.close(first);
    return true;
  }

  /** Closes the oldest segment for good. Opening it once more would make LevelDB create its directory again. */
  async retire(first: number): Promise<void> {
    this.#retiredTo = first;
    await this.close(first);
  }

  async closeAll(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open.keys()].map((first) => this.close(first)));
    await Promise.all(this.#closing.values());
  }

  #lease(open: Open, db: SegmentDb): Lease {
    let lent = true;
    const release = () => {
      if (lent) open.users--;
      lent = false;
      void this.#closeIdle(this.#maxOpen);
    };
    return { db, release };
  }

  #opened(first: number): Open {
    const open: Open = { db: this.#openDb(first), users: 0, lastUse: 0 };
    this.#open.set(first, open);
    return open;
  }

  async #openDb(first: number): Promise<SegmentDb> {
    await this.#closing.get(first);
    try {
      return await this.#openSegment(first);
    } catch (fault) {
      // With no descriptors left, those of the idle segments are the ones that can be given up.
      if (!/Too many open files|EMFILE|ENFILE/.test(reasonOf(fault))) throw fault;
      await this.#closeIdle(0);
      return this.#openSegment(first);
    }
  }

  async #closeIdle(keep: number): Promise<void> {
    const idle = [...this.#open].filter(([, open]) => open.users === 0);
    idle.sort(([, a], [, b]) => a.lastUse - b.lastUse);
    const spare = Math.max(0, this.#open.size - keep);
    await Promise.all(idle.slice(0, spare).map(([first]) => this.close(first)));
  }

  #startClosing(first: number, open: Open): void {
    // A segment that never opened has nothing to close; whoever asked for it has the fault.
    const closed = open.db.then(
      (db) => db.close(),
      () => undefined,
    );
    const done = closed.finally(() => this.#closing.delete(first));
    this.#closing.set(first, done);
  }
}
