import { CHECKPOINT_SLICE_BYTES, type MergeValues } from '../../engine/run-store.ts';
import type { BlockSource } from './block-source.ts';
import type { Catalog } from './catalog.ts';
import type { LevelHandle } from './level-handle.ts';
import { runsOf } from './manifest.ts';
import { MergeCursor } from './merge-cursor.ts';
import type { Run } from './run.ts';
import { RunWriter, type WriteSink } from './run-writer.ts';

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

/**
 * Folds neighbouring runs of one period into one, a slice at a time. The new run stands in for the old ones in one
 * atomic change; a checkpoint that commits meanwhile only adds a younger run.
 */
export class Fold {
  readonly inputs: readonly Run[];
  readonly #parts: FoldParts;
  readonly #cursor: MergeCursor;
  readonly #writer: RunWriter;
  readonly #sink: WriteSink = { ops: [], bytes: 0 };
  #merged = false;

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
    const { shard, table, period } = this.inputs[0];
    const now = runsOf(this.#parts.catalog.shard(shard).runs, table, period);
    return this.inputs.every((input) => now.some((run) => run.id === input.id));
  }

  /** Works until the time is up or a slice waits for the disk, which it then awaits. True when all is folded. */
  async step(until: number): Promise<boolean> {
    if (!this.#merged) this.#merged = this.#mergeSome(until);
    if (this.#merged) {
      await this.#commit();
      return true;
    }
    if (this.#sink.bytes >= CHECKPOINT_SLICE_BYTES) {
      const { ops } = this.#sink;
      this.#sink.ops = [];
      this.#sink.bytes = 0;
      await this.#parts.handle.write(ops);
    }
    return false;
  }

  #mergeSome(until: number): boolean {
    const { merge, now } = this.#parts;
    for (let entries = 1; this.#sink.bytes < CHECKPOINT_SLICE_BYTES; entries++) {
      if (!this.#cursor.next()) return true;
      const { key, values } = this.#cursor;
      this.#writer.add(key, values.length === 1 ? values[0] : merge(values));
      if (entries % ENTRIES_A_LOOK === 0 && now() >= until) return false;
    }
    return false;
  }

  async #commit(): Promise<void> {
    const { catalog } = this.#parts;
    const { shard, order } = this.inputs[this.inputs.length - 1];
    const folded = this.#writer.finish(order);
    await catalog.exclusive(async () => {
      if (!this.stillWanted()) throw new FoldOvertaken();
      await catalog.commit(shard, {
        added: [folded],
        removed: this.inputs,
        position: null,
        ops: this.#sink.ops,
      });
    });
  }
}

/** Its period was dropped or its shard emptied while it was folded: the work is given up. */
export class FoldOvertaken extends Error {
  override name = 'FoldOvertaken';
}
