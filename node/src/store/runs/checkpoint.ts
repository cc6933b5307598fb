import assert from 'node:assert/strict';
import { WeirError } from '../../contract/index.ts';
import type { Checkpoint } from '../../engine/run-store.ts';
import type { Catalog } from './catalog.ts';
import type { Garbage } from './catalog-records.ts';
import type { LevelHandle } from './level-handle.ts';
import type { Run } from './run.ts';
import { type NewRun, RunWriter, type WriteSink } from './run-writer.ts';

/** So many tables and periods are written at once at the most; past it all of them are finished and begun anew. */
const OPEN_RUNS = 512;

export interface CheckpointParts {
  catalog: Catalog;
  handle: LevelHandle;
  blockBytes: number;
  /** Blocks that were written for nothing. */
  discard: (garbage: Garbage[]) => void;
  committed: (runs: Run[]) => void;
  ended: () => void;
  /** Runs that what is written takes the place of; asked at the commit. None for a checkpoint. */
  replaced?: () => readonly Run[];
}

/**
 * One run for each table and period that is touched. Slices go to the disk as the caller flushes; the manifest and
 * the position follow in one batch with `commit`, and until then nothing of it can be seen.
 */
export class LevelCheckpoint implements Checkpoint {
  readonly #parts: CheckpointParts;
  readonly #shard: number;
  /** Null leaves the position where it is. */
  readonly #position: number | null;
  readonly #base: number;
  readonly #sink: WriteSink = { ops: [], bytes: 0 };
  readonly #open = new Map<string, Map<number, RunWriter>>();
  #openRuns = 0;
  #last: RunWriter | null = null;
  #finished: NewRun[] = [];
  #state: 'open' | 'broken' | 'ended' = 'open';

  constructor(parts: CheckpointParts, shard: number, position: number | null) {
    this.#parts = parts;
    this.#shard = shard;
    this.#position = position;
    this.#base = parts.catalog.shard(shard).position;
  }

  /** HOT */
  put(table: string, period: number, key: Uint8Array, value: Uint8Array): void {
    let writer = this.#last;
    if (writer === null || writer.period !== period || writer.table !== table)
      writer = this.#writer(table, period);
    writer.add(key, value);
  }

  pendingBytes(): number {
    return this.#sink.bytes;
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    const { ops } = this.#sink;
    this.#sink.ops = [];
    this.#sink.bytes = 0;
    try {
      if (this.#parts.handle.failed) await this.#parts.catalog.exclusive(async () => undefined);
      await this.#parts.handle.write(ops);
    } catch (fault) {
      this.#state = 'broken';
      throw fault;
    }
  }

  async commit(): Promise<void> {
    this.#assertOpen();
    this.#finishAll();
    const added = this.#finished;
    const ops = this.#sink.ops;
    this.#sink.ops = [];
    try {
      await this.#parts.catalog.exclusive(async () => {
        this.#assertOpen();
        this.#assertBase();
        const removed = this.#parts.replaced?.() ?? [];
        const change = { added, removed, position: this.#position, ops };
        await this.#parts.catalog.commit(this.#shard, change);
      });
    } catch (fault) {
      this.#state = 'broken';
      throw fault;
    }
    this.#end();
    this.#parts.committed(added.map(({ run }) => run));
  }

  async abandon(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#sink.ops = [];
    this.#finishAll();
    this.#sink.ops = [];
    const runs = this.#finished.map(({ run }) => run);
    this.#parts.discard(runs.map(({ id, blocks }) => ({ run: id, blocks })));
    this.#end();
  }

  /** The shard was emptied meanwhile: what this checkpoint holds belongs to a state that is no more. */
  revoke(): void {
    if (this.#state === 'open') this.#state = 'broken';
  }

  #writer(table: string, period: number): RunWriter {
    assert(this.#state !== 'ended', 'A checkpoint takes entries until it is committed or abandoned.');
    let periods = this.#open.get(table);
    if (periods === undefined) {
      periods = new Map();
      this.#open.set(table, periods);
    }
    let writer = periods.get(period);
    if (writer === undefined) {
      if (this.#openRuns >= OPEN_RUNS) {
        this.#finishAll();
        return this.#writer(table, period);
      }
      const { catalog, blockBytes } = this.#parts;
      const tableId = catalog.tableId(table);
      const about = { id: catalog.beginRun(), shard: this.#shard, table, tableId, period };
      writer = new RunWriter(about, blockBytes, this.#sink);
      periods.set(period, writer);
      this.#openRuns++;
    }
    this.#last = writer;
    return writer;
  }

  #finishAll(): void {
    for (const periods of this.#open.values())
      for (const writer of periods.values()) this.#finished.push(writer.finish(writer.id));
    this.#open.clear();
    this.#openRuns = 0;
    this.#last = null;
  }

  #end(): void {
    this.#state = 'ended';
    this.#finished = [];
    this.#parts.ended();
  }

  /** Deltas are worth something only on top of the state that they were made on. */
  #assertBase(): void {
    if (this.#position === null) return;
    const now = this.#parts.catalog.shard(this.#shard).position;
    if (now !== this.#base)
      throw new WeirError(
        'WEIR_STORE_UNAVAILABLE',
        `Shard ${this.#shard} went from position ${this.#base} to ${now} under a checkpoint.`,
      );
  }

  #assertOpen(): void {
    if (this.#state !== 'open')
      throw new WeirError(
        'WEIR_STORE_UNAVAILABLE',
        `The checkpoint of shard ${this.#shard} is ${this.#state}.`,
        {
          suggestion: 'Abandon it and make another.',
        },
      );
  }
}
