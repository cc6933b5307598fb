import { CHECKPOINT_SLICE_BYTES, type MergeValues } from '../../engine/run-store.ts';
import type { BlockSource } from './block-source.ts';
import type { Catalog } from './catalog.ts';
import type { LevelHandle, WriteOp } from './level-handle.ts';
import { MergeCursor } from './merge-cursor.ts';
import type { Run } from './run.ts';
import { type NewRun, RunWriter, type WriteSink } from './run-writer.ts';

export interface FoldParts {
  catalog: Catalog;
  handle: LevelHandle;
  source: BlockSource;
  blockBytes: number;
  merge: MergeValues;
  now: () => number;
}

/** The clock is looked at after so many entries: a few tens of microseconds. */
const ENTRIES_A_LOOK = 32;

/** Folds neighbouring runs of one period into one, a slice at a time. */
export class Fold {
  readonly inputs: readonly Run[];
  readonly #parts: FoldParts;
  readonly #cursor: MergeCursor;
  readonly #writer: RunWriter;
  readonly #sink: WriteSink = { ops: [], bytes: 0 };

  constructor(parts: FoldParts, inputs: readonly Run[]) {
    this.#parts = parts;
    this.inputs = inputs;
    // Past the caches: what is folded away is not asked for again.
    this.#cursor = new MergeCursor(inputs, (run, number) => parts.source.fresh(run, number));
    const { shard, table, tableId, period } = inputs[0];
    const id = parts.catalog.beginRun();
    this.#writer = new RunWriter({ id, shard, table, tableId, period }, parts.blockBytes, this.#sink);
  }

  get run(): number {
    return this.#writer.id;
  }

  get writtenBlocks(): number {
    return this.#writer.written;
  }

  /** False once its period was dropped or its shard emptied: its inputs may then be cleared at any time. */
  stillWanted(): boolean {
    return this.inputs.every((input) => this.#parts.catalog.has(input.id));
  }

  get shard(): number {
    return this.inputs[0].shard;
  }

  /** Works until the time is up or a slice waits for the disk, which it then awaits. The new run when all is folded. */
  async step(until: number): Promise<NewRun | null> {
    if (this.#mergeSome(until)) return this.#writer.finish(this.inputs[this.inputs.length - 1].order);
    if (this.#sink.bytes >= CHECKPOINT_SLICE_BYTES) {
      this.#sink.bytes = 0;
      await this.#parts.handle.write(this.takeOps());
    }
    return null;
  }

  /** Blocks that are not on the disk yet. */
  takeOps(): WriteOp[] {
    const { ops } = this.#sink;
    this.#sink.ops = [];
    return ops;
  }

  #mergeSome(until: number): boolean {
    const { merge, now } = this.#parts;
    for (let entries = 1; this.#sink.bytes < CHECKPOINT_SLICE_BYTES; entries++) {
      if (!this.#cursor.next()) return true;
      const { key, values } = this.#cursor.entry();
      this.#writer.add(key, values.length === 1 ? values[0] : merge(values));
      if (entries % ENTRIES_A_LOOK === 0 && now() >= until) return false;
    }
    return false;
  }
}
