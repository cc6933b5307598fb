import { blockRange, UNKNOWN_BLOCKS } from './catalog.ts';
import type { Garbage } from './catalog-records.ts';
import { blockKey, garbageKey, INDEX_BLOCK } from './keys.ts';
import type { LevelHandle, WriteOp } from './level-handle.ts';

/** A batch of deletions takes well under a slice to make. */
const DELETIONS = 512;
/** Ranges of cleared runs that are this close are compacted as one. */
const NEAR_RUNS = 64;
const RANGES_MAX = 1024;

export interface GarbageParts {
  /** A fold whose commit failed may have landed: what the manifest names is no garbage. */
  wanted(run: number): boolean;
  cleared(run: number): void;
}

interface Waiting extends Garbage {
  /** Views with a lower number may still read the run. */
  beforeView: number;
  cleared: number;
}

/**
 * Blocks that no run names any more. They are deleted a few at a time, once no view is open that could read them,
 * and not synced: after a power cut the garbage record is still there, or the deletions are. Deleting writes a few
 * bytes a block; the room comes back when LevelDB compacts, by itself or when `compact` is called at a calm time.
 */
export class GarbageHeap {
  readonly #handle: LevelHandle;
  #waiting: Waiting[] = [];
  #nextView = 1;
  #openViews = new Set<number>();
  #cleared: { from: number; to: number }[] = [];
  readonly #parts: GarbageParts;

  constructor(handle: LevelHandle, parts: GarbageParts) {
    this.#handle = handle;
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get openViews(): number {
    return this.#openViews.size;
  }

  openView(): number {
    const view = this.#nextView++;
    this.#openViews.add(view);
    return view;
  }

  closeView(view: number): void {
    this.#openViews.delete(view);
  }

  add(garbage: readonly Garbage[]): void {
    for (const each of garbage) this.#waiting.push({ ...each, beforeView: this.#nextView, cleared: 0 });
  }

  /** Deletes one batch; false when there is nothing that may be deleted now. */
  async clearSome(): Promise<boolean> {
    const ops: WriteOp[] = [];
    let done = 0;
    while (done < this.#waiting.length && ops.length < DELETIONS) {
      const next = this.#waiting[done];
      if (!this.#unseen(next)) break;
      if (next.cleared === 0 && this.#parts.wanted(next.run)) {
        this.#waiting.splice(done, 1);
        continue;
      }
      if (next.blocks === UNKNOWN_BLOCKS) await this.#handle.clear(blockRange(next.run, next.run + 1));
      else deleteSome(next, ops);
      if (next.blocks !== UNKNOWN_BLOCKS && next.cleared < next.blocks) break;
      ops.push({ type: 'del', key: blockKey(next.run, INDEX_BLOCK) });
      ops.push({ type: 'del', key: garbageKey(next.run) });
      done++;
    }
    if (ops.length === 0) return false;
    await this.#handle.write(ops, false);
    for (const { run } of this.#waiting.splice(0, done)) this.#note(run);
    return true;
  }

  /** Gives the room of what was cleared back to the file system; answers how many ranges it went over. */
  async compact(): Promise<number> {
    const ranges = this.#cleared;
    this.#cleared = [];
    for (const { from, to } of ranges) await this.#handle.compact(blockRange(from, to + 1));
    return ranges.length;
  }

  #unseen(garbage: Waiting): boolean {
    for (const view of this.#openViews) if (view < garbage.beforeView) return false;
    return true;
  }

  #note(run: number): void {
    this.#parts.cleared(run);
    const near = this.#cleared.find(({ from, to }) => run >= from - NEAR_RUNS && run <= to + NEAR_RUNS);
    if (near === undefined) {
      if (this.#cleared.length < RANGES_MAX) this.#cleared.push({ from: run, to: run });
    } else {
      near.from = Math.min(near.from, run);
      near.to = Math.max(near.to, run);
    }
  }
}

function deleteSome(garbage: Waiting, ops: WriteOp[]): void {
  while (garbage.cleared < garbage.blocks && ops.length < DELETIONS)
    ops.push({ type: 'del', key: blockKey(garbage.run, garbage.cleared++) });
}
