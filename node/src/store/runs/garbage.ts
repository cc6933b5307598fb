import { blockRange, UNKNOWN_BLOCKS } from './catalog.ts';
import type { Garbage } from './catalog-records.ts';
import { compactionRanges, type SizedRun } from './compaction-ranges.ts';
import { blockKey, garbageKey, INDEX_BLOCK } from './keys.ts';
import type { LevelHandle, WriteOp } from './level-handle.ts';
import type { Run } from './run.ts';

/** A batch of deletions takes well under a slice to make. */
const DELETIONS = 512;
/** Past it the oldest cleared runs are left to LevelDB's own compaction. */
const CLEARED_MAX = 65_536;

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
  /** Runs that retention dropped. What folding leaves dies young, and LevelDB's own compaction meets it soon. */
  #dropped = new Set<number>();
  /** Dropped and cleared runs, whose room is not given back yet, and their blocks. */
  #cleared = new Map<number, number>();
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

  dropped(runs: readonly Run[]): void {
    for (const { id, blocks } of runs) if (blocks > 0) this.#dropped.add(id);
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
    for (const cleared of this.#waiting.splice(0, done)) this.#note(cleared);
    return true;
  }

  /** Gives the room of what was cleared back to the file system, where that is worth it; answers the bytes. */
  async compact(kept: SizedRun[], worth: { blockBytes: number; fromBytes: number }): Promise<number> {
    const byRun = (left: SizedRun, right: SizedRun) => left.run - right.run;
    const cleared = [...this.#cleared].map(([run, blocks]) => ({ run, bytes: blocks * worth.blockBytes }));
    let freed = 0;
    for (const range of compactionRanges(cleared.sort(byRun), kept.sort(byRun), worth.fromBytes)) {
      await this.#handle.compact(blockRange(range.from, range.to + 1));
      for (const { run } of cleared) if (run >= range.from && run <= range.to) this.#cleared.delete(run);
      freed += range.deadBytes;
    }
    return freed;
  }

  #unseen(garbage: Waiting): boolean {
    for (const view of this.#openViews) if (view < garbage.beforeView) return false;
    return true;
  }

  #note({ run, blocks }: Waiting): void {
    this.#parts.cleared(run);
    if (this.#dropped.delete(run)) this.#cleared.set(run, blocks);
    for (const oldest of this.#cleared.keys()) {
      if (this.#cleared.size <= CLEARED_MAX) return;
      this.#cleared.delete(oldest);
    }
  }
}

function deleteSome(garbage: Waiting, ops: WriteOp[]): void {
  while (garbage.cleared < garbage.blocks && ops.length < DELETIONS)
    ops.push({ type: 'del', key: blockKey(garbage.run, garbage.cleared++) });
}
