import { isWeirError } from '../../contract/index.ts';
import type { Checkpoint, MergeValues, RunStore } from '../../engine/run-store.ts';
import { BlockSource } from './block-source.ts';
import { Catalog } from './catalog.ts';
import { LevelCheckpoint } from './checkpoint.ts';
import { QUIET_CHECKPOINTS, RUNS_MAX } from './fold-choice.ts';
import { Folder } from './folder.ts';
import { GarbageHeap } from './garbage.ts';
import { REGION, rangeOf } from './keys.ts';
import { LevelHandle, type LevelTuning } from './level-handle.ts';
import type { Run, StoreDamage } from './run.ts';
import { damageOf, scrubRun } from './scrub.ts';
import { LevelRunView } from './view.ts';

export interface RunStoreOptions {
  dir: string;
  /** Shards that live in this store. */
  shards: readonly number[];
  merge: (table: string) => MergeValues;
  tuning?: Partial<RunStoreTuning>;
  /** Monotonic milliseconds, for the slices of folding. */
  now?: () => number;
}

export interface RunStoreTuning extends LevelTuning {
  blockBytes: number;
  blockCacheBytes: number;
  indexCacheBytes: number;
  runsMax: number;
  quietCheckpoints: number;
  /** Freeing less is not worth the table files that are rewritten at both ends of a range. */
  compactFromBytes: number;
}

/**
 * For one of a board's four stores. A write buffer of 4 MB writes 2.6 bytes for one of input, 6 MB 2.3, 8 MB 2.2, and
 * up to twice as much memory is held. Blocks of 16 KB cost 1.0 µs an entry of 200 B to write and 8 % fewer bytes than
 * blocks of 8 KB (1.6 µs: a call of zstd costs 25 µs before its first byte), and 5 µs more to read.
 */
export const STORE_TUNING: RunStoreTuning = Object.freeze({
  writeBufferBytes: 6 * 1024 * 1024,
  levelCacheBytes: 1024 * 1024,
  tableFileBytes: 2 * 1024 * 1024,
  snappy: false,
  blockBytes: 16 * 1024,
  blockCacheBytes: 6 * 1024 * 1024,
  indexCacheBytes: 2 * 1024 * 1024,
  runsMax: RUNS_MAX,
  quietCheckpoints: QUIET_CHECKPOINTS,
  compactFromBytes: 8 * 1024 * 1024,
});

export interface RunStoreStats {
  runs: number;
  entries: number;
  /** Bytes of the values of all runs. */
  bytes: number;
  /** Keys and values handed to LevelDB since the store was opened; what LevelDB makes of them comes on top. */
  writtenBytes: number;
  cachedBytes: number;
  folds: number;
  /** Runs that are dropped and not cleared yet. */
  garbageRuns: number;
  openViews: number;
  state: 'ok' | 'failed';
}

/** Opens or creates a store. Rejects with WEIR_DATA_MISSING, WEIR_DATA_IN_USE, WEIR_STORE_DAMAGED, _FULL, _UNAVAILABLE. */
export async function openLevelRunStore(options: RunStoreOptions): Promise<LevelRunStore> {
  const tuning = { ...STORE_TUNING, ...options.tuning };
  const handle = await LevelHandle.open(options.dir, tuning);
  const store = new LevelRunStore(handle, tuning, options);
  try {
    await store.load();
    return store;
  } catch (fault) {
    await handle.close();
    throw fault;
  }
}

/**
 * Sorted runs of several shards in one LevelDB. A damaged shard answers WEIR_STORE_DAMAGED to everything but
 * `reset`, after which it is rebuilt from the log; the others go on.
 */
export class LevelRunStore implements RunStore {
  readonly #handle: LevelHandle;
  readonly #tuning: RunStoreTuning;
  readonly #shards: readonly number[];
  readonly #now: () => number;
  readonly #catalog: Catalog;
  readonly #source: BlockSource;
  readonly #garbage: GarbageHeap;
  readonly #folder: Folder;
  readonly #checkpoints = new Map<number, LevelCheckpoint>();
  readonly #replacements = new Map<LevelCheckpoint, number>();
  #foldsHeld = 0;
  #folding: Promise<boolean> | null = null;

  constructor(handle: LevelHandle, tuning: RunStoreTuning, options: RunStoreOptions) {
    this.#handle = handle;
    this.#tuning = tuning;
    this.#shards = options.shards;
    this.#now = options.now ?? (() => performance.now());
    this.#source = new BlockSource(handle, tuning.blockCacheBytes, tuning.indexCacheBytes);
    this.#catalog = new Catalog(handle);
    this.#garbage = new GarbageHeap(handle, {
      wanted: (run) => this.#catalog.has(run),
      cleared: (run) => this.#catalog.endRun(run),
    });
    this.#folder = new Folder({
      catalog: this.#catalog,
      handle,
      source: this.#source,
      blockBytes: tuning.blockBytes,
      runsMax: tuning.runsMax,
      quietCheckpoints: tuning.quietCheckpoints,
      merge: options.merge,
      now: this.#now,
      discard: (garbage) => this.#garbage.add(garbage),
    });
    this.#catalog.onGarbage = (garbage) => this.#garbage.add(garbage);
    this.#catalog.onRemove = (runs) => this.#pin(runs);
  }

  /** Only `openLevelRunStore` calls it. */
  async load(): Promise<void> {
    await this.#catalog.open(this.#shards);
    this.#folder.recount();
  }

  position(shard: number): number {
    return this.#catalog.shard(shard).position;
  }

  /** One at a time a shard. */
  checkpoint(shard: number, position: number): Checkpoint {
    const now = this.#catalog.shard(shard).position;
    if (position < now) throw new RangeError(`The position of shard ${shard} is ${now} and never goes back.`);
    if (this.#checkpoints.has(shard)) throw new Error(`A checkpoint of shard ${shard} is under way.`);
    const checkpoint = new LevelCheckpoint(
      {
        catalog: this.#catalog,
        handle: this.#handle,
        blockBytes: this.#tuning.blockBytes,
        discard: (garbage) => this.#garbage.add(garbage),
        committed: (runs) => this.#folder.checkpointed(shard, runs),
        ended: () => this.#checkpoints.delete(shard),
      },
      shard,
      position,
    );
    this.#checkpoints.set(shard, checkpoint);
    return checkpoint;
  }

  /**
   * Writes whole periods anew: at the commit the runs that the view reads of a period named by `replaces` go, and what
   * was put takes their place, in one change of the shard. Checkpoints after the view stay as they are, on top. While
   * such a view is at work folds must be held, lest a run be made of what the view reads and of what came after.
   */
  replacement(shard: number, view: LevelRunView): Replacement {
    if (this.#foldsHeld === 0) throw new Error('Folds are held while periods are written anew.');
    const periods: { table: string; period: number }[] = [];
    const replaced = () =>
      periods
        .flatMap(({ table, period }) => view.runs(table, period))
        .filter((run) => this.#catalog.has(run.id));
    const work: LevelCheckpoint = new LevelCheckpoint(
      {
        catalog: this.#catalog,
        handle: this.#handle,
        blockBytes: this.#tuning.blockBytes,
        discard: (garbage) => this.#garbage.add(garbage),
        committed: (runs) => this.#folder.checkpointed(shard, runs),
        ended: () => this.#replacements.delete(work),
        replaced,
      },
      shard,
      null,
    );
    this.#replacements.set(work, shard);
    return Object.assign(work, {
      replaces: (table: string, period: number) => void periods.push({ table, period }),
    });
  }

  /** No two runs become one from here on until it is released; runs pile up meanwhile. */
  async holdFolds(): Promise<() => void> {
    this.#foldsHeld++;
    // Who asked for it has the fault of a fold that fails.
    await this.#folding?.catch(() => undefined);
    let held = true;
    return () => {
      if (held) this.#foldsHeld--;
      held = false;
    };
  }

  view(shard: number): LevelRunView {
    const { runs } = this.#catalog.shard(shard);
    const view = this.#garbage.openView();
    return new LevelRunView(runs, this.#source, () => this.#garbage.closeView(view));
  }

  /** Shards that were found damaged at opening: they are to be reset and rebuilt. */
  damaged(): { shard: number; message: string }[] {
    return this.#catalog.damaged();
  }

  /** Forgets everything of a shard, its position too, so that it can be rebuilt from the log. */
  async reset(shard: number): Promise<void> {
    this.#checkpoints.get(shard)?.revoke();
    for (const [replacement, of] of this.#replacements) if (of === shard) replacement.revoke();
    await this.#catalog.exclusive(() => this.#catalog.reset(shard));
    this.#folder.recount();
  }

  /**
   * Takes the table's periods before the given one out of the manifest, in one small synced batch; a crash leaves
   * all of them or none. The blocks go later, in `foldSome`, and their room with `compact`.
   */
  async dropBefore(shard: number, table: string, period: number): Promise<{ runs: number; bytes: number }> {
    return this.#catalog.exclusive(async () => {
      const removed: Run[] = [];
      const periods = this.#catalog.shard(shard).runs.get(table)?.periods ?? new Map<number, Run[]>();
      for (const [start, runs] of periods) if (start < period) removed.push(...runs);
      if (removed.length === 0) return { runs: 0, bytes: 0 };
      await this.#catalog.commit(shard, { added: [], removed, position: null, ops: [] });
      this.#garbage.dropped(removed);
      for (const run of removed) this.#folder.forget(run);
      return { runs: removed.length, bytes: removed.reduce((sum, run) => sum + run.bytes, 0) };
    });
  }

  /**
   * Upkeep between checkpoints: clears blocks of dropped runs and folds periods that have many runs, for about so
   * long on this thread; writing is awaited. True when there is more to do. `all` folds every period to one run.
   */
  async foldSome(budgetMs: number, all = false): Promise<boolean> {
    if (this.#handle.failed || this.#foldsHeld > 0) return false;
    this.#folding ??= this.#upkeep(budgetMs, all).finally(() => {
      this.#folding = null;
    });
    return this.#folding;
  }

  /** Gives the room of what was dropped back to the file system: at a calm time. Answers about how many bytes. */
  async compact(): Promise<number> {
    const kept = [...this.#catalog.runs()].map(({ id, bytes }) => ({ run: id, bytes }));
    // A block on the disk is about half of what it was before compression.
    const worth = { blockBytes: this.#tuning.blockBytes / 2, fromBytes: this.#tuning.compactFromBytes };
    return this.#garbage.compact(kept, worth);
  }

  /** Reads everything; answers what is damaged. Yields between blocks. */
  async scrub(progress?: (done: number, of: number) => void): Promise<StoreDamage[]> {
    const damage: StoreDamage[] = this.damaged().map((found) => ({ ...found, table: null, period: null }));
    const runs = [...this.#catalog.runs()];
    const view = this.#garbage.openView();
    try {
      for (const [done, run] of runs.entries()) {
        const fault = await scrubRun(this.#handle, run);
        // A small run that was folded away since stood in the manifest itself, which no view keeps.
        if (fault !== null && this.#catalog.has(run.id)) damage.push(damageOf(run, fault));
        progress?.(done + 1, runs.length);
      }
    } finally {
      this.#garbage.closeView(view);
    }
    return damage;
  }

  /** Keys of all blocks that are on the disk, wanted or not: what tests and the doctor count. */
  async *blockKeys(): AsyncGenerator<Uint8Array> {
    for await (const [key] of this.#handle.entries(rangeOf(REGION.block))) yield key;
  }

  stats(): RunStoreStats {
    let runs = 0;
    let entries = 0;
    let bytes = 0;
    for (const run of this.#catalog.runs()) {
      runs++;
      entries += run.entries;
      bytes += run.bytes;
    }
    return {
      runs,
      entries,
      bytes,
      writtenBytes: this.#handle.writtenBytes,
      cachedBytes: this.#source.cachedBytes,
      folds: this.#folder.folds,
      garbageRuns: this.#garbage.waiting,
      openViews: this.#garbage.openViews,
      state: this.#handle.failed ? 'failed' : 'ok',
    };
  }

  /** Bytes and entries of each table over all shards, as they lie on the disk. */
  sizes(): Map<string, { bytes: number; entries: number }> {
    const sizes = new Map<string, { bytes: number; entries: number }>();
    for (const { table, bytes, entries } of this.#catalog.runs()) {
      const known = sizes.get(table) ?? { bytes: 0, entries: 0 };
      sizes.set(table, { bytes: known.bytes + bytes, entries: known.entries + entries });
    }
    return sizes;
  }

  async close(): Promise<void> {
    await this.#folding?.catch(() => undefined);
    await this.#catalog.idle();
    await this.#handle.close();
  }

  async #upkeep(budgetMs: number, all: boolean): Promise<boolean> {
    const until = this.#now() + budgetMs;
    this.#folder.giveUpUnwanted();
    if (await this.#garbage.clearSome()) return true;
    return this.#folder.step(until, all);
  }

  /** A small run stands in the manifest: an open view gets its entries before they are deleted there. */
  #pin(runs: readonly Run[]): void {
    if (this.#garbage.openViews === 0) return;
    for (const run of runs) {
      if (run.blocks > 0 || run.pinned !== null) continue;
      try {
        run.pinned = this.#source.block(run, 0);
      } catch (fault) {
        // The view that asks for it is told the same.
        if (!isWeirError(fault)) throw fault;
      }
    }
  }
}

export type Replacement = Checkpoint & { replaces(table: string, period: number): void };

export type { StoreDamage };
