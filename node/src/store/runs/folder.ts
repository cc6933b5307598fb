import type { MergeValues } from '../../engine/run-store.ts';
import { CHECKPOINT_SLICE_BYTES } from '../../engine/run-store.ts';
import type { BlockSource } from './block-source.ts';
import type { Catalog } from './catalog.ts';
import type { Garbage } from './catalog-records.ts';
import { Fold } from './fold.ts';
import { FoldQueue, runsToFold } from './fold-choice.ts';
import type { LevelHandle, WriteOp } from './level-handle.ts';
import { runsOf } from './manifest.ts';
import type { Run } from './run.ts';
import type { NewRun } from './run-writer.ts';

export interface FolderParts {
  catalog: Catalog;
  handle: LevelHandle;
  source: BlockSource;
  blockBytes: number;
  runsMax: number;
  quietCheckpoints: number;
  merge: (table: string) => MergeValues;
  now: () => number;
  /** Blocks that were written for nothing. */
  discard: (garbage: Garbage[]) => void;
}

interface Folded {
  fold: Fold;
  made: NewRun;
  ops: WriteOp[];
}

/** So many folds of one shard share a commit: a synced write costs 4 KB of flash however little it says. */
const FOLDS_A_COMMIT = 64;

/**
 * Decides what is folded and makes it durable. New runs stand in for the old ones in one atomic change for several
 * folds of a shard; a checkpoint that commits meanwhile only adds a younger run.
 */
export class Folder {
  readonly #parts: FolderParts;
  readonly #queue = new FoldQueue();
  readonly #committed = new Map<number, number>();
  #fold: Fold | null = null;
  #waiting: Folded[] = [];
  /** Inputs of what waits: still in the manifest, and not to be folded a second time. */
  #taken = new Set<number>();
  #waitingBytes = 0;
  folds = 0;

  constructor(parts: FolderParts) {
    this.#parts = parts;
  }

  /** A checkpoint of the shard was committed with these runs. */
  checkpointed(shard: number, runs: readonly Run[]): void {
    this.#committed.set(shard, this.#checkpointsOf(shard) + 1);
    for (const run of runs) this.note(run);
  }

  note(run: Run): void {
    const runs = runsOf(this.#parts.catalog.shard(run.shard).runs, run.table, run.period);
    this.#queue.note(run, runs.length, this.#parts.runsMax, this.#checkpointsOf(run.shard));
  }

  forget(run: Run): void {
    this.#queue.forget(run.shard, run.table, run.period);
  }

  /** After a reset: what was known of any shard is read again. */
  recount(): void {
    this.#queue.clear();
    for (const run of this.#parts.catalog.runs()) this.note(run);
  }

  /** Inputs of a fold may be cleared once its period is dropped: to be called before anything is cleared. */
  giveUpUnwanted(): void {
    if (this.#fold !== null && !this.#fold.stillWanted()) this.#giveUp(this.#fold);
  }

  /** Folds until the time is up. What is folded waits for a full batch, or for the last of its shard. False when there is nothing left to fold and all of it is committed. */
  async step(until: number, all: boolean): Promise<boolean> {
    do {
      const fold = this.#fold ?? this.#next(all);
      const full = this.#waiting.length >= FOLDS_A_COMMIT || this.#waitingBytes >= CHECKPOINT_SLICE_BYTES;
      if (this.#waiting.length > 0 && (full || fold?.shard !== this.#waiting[0].fold.shard)) {
        this.#fold = fold;
        await this.#commit();
        return true;
      }
      if (fold === null) return false;
      this.#fold = fold;
      await this.#advance(fold, until);
    } while (this.#parts.now() < until);
    return true;
  }

  async #advance(fold: Fold, until: number): Promise<void> {
    try {
      const made = await fold.step(until);
      if (made === null) return;
      const ops = fold.takeOps();
      this.#fold = null;
      this.forget(fold.inputs[0]);
      this.#waiting.push({ fold, made, ops });
      for (const input of fold.inputs) this.#taken.add(input.id);
      for (const op of ops) if (op.type === 'put') this.#waitingBytes += op.value.length;
    } catch (fault) {
      this.#giveUp(fold);
      throw fault;
    }
  }

  async #commit(): Promise<void> {
    const folded = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#taken.clear();
    const { catalog } = this.#parts;
    try {
      await catalog.exclusive(async () => {
        const wanted = folded.filter(({ fold }) => fold.stillWanted());
        this.#discard(folded.filter((one) => !wanted.includes(one)));
        if (wanted.length === 0) return;
        await catalog.commit(wanted[0].fold.shard, {
          added: wanted.map(({ made }) => made),
          removed: wanted.flatMap(({ fold }) => fold.inputs),
          position: null,
          ops: wanted.flatMap(({ ops }) => ops),
        });
        this.folds += wanted.length;
      });
    } catch (fault) {
      this.#discard(folded);
      throw fault;
    }
    for (const { fold } of folded) this.note(fold.inputs[0]);
  }

  /** Runs that came to nothing. Should their commit have landed, the garbage heap sees that they are wanted. */
  #discard(folded: readonly Folded[]): void {
    this.#parts.discard(folded.map(({ made: { run } }) => ({ run: run.id, blocks: run.blocks })));
  }

  /** A period that cannot be folded is left alone until something new is written to it. */
  #giveUp(fold: Fold): void {
    this.#fold = null;
    this.#parts.discard([{ run: fold.run, blocks: fold.writtenBlocks }]);
    this.forget(fold.inputs[0]);
  }

  #next(all: boolean): Fold | null {
    const { runsMax, quietCheckpoints } = this.#parts;
    const quiet = (shard: number) => this.#checkpointsOf(shard) - (all ? 0 : quietCheckpoints);
    for (;;) {
      const next = this.#queue.next(quiet);
      if (next === null) return null;
      const { shard, table, period } = next;
      const inputs = runsToFold(this.#runsOf(shard, table, period), runsMax, next.all);
      // A checkpoint added to a period whose fold waits: that one is committed first.
      if (inputs.some((input) => this.#taken.has(input.id))) return null;
      if (inputs.length < 2) this.#queue.forget(shard, table, period);
      else return this.#begin(inputs);
    }
  }

  #runsOf(shard: number, table: string, period: number): readonly Run[] {
    try {
      return runsOf(this.#parts.catalog.shard(shard).runs, table, period);
    } catch (fault) {
      this.#queue.forget(shard, table, period);
      throw fault;
    }
  }

  #begin(inputs: readonly Run[]): Fold {
    try {
      return new Fold({ ...this.#parts, merge: this.#parts.merge(inputs[0].table) }, inputs);
    } catch (fault) {
      this.forget(inputs[0]);
      throw fault;
    }
  }

  #checkpointsOf(shard: number): number {
    return this.#committed.get(shard) ?? 0;
  }
}
