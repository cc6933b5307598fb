import { compareDoubts, type Doubt } from '../contract/measures/doubt.ts';
import type { KnownSwap } from '../contract/measures/swaps-entry.ts';
import { HistoryLog } from './history-log.ts';
import { PartialTable } from './partial-table.ts';
import type { SlotPlan } from './slot-plan.ts';

/** An object and its place in a list. */
const DOUBT_BYTES = 160;

/** What one stream put into memory between two checkpoints. A frozen one no longer changes. */
export class Generation {
  /** By rollup, then by group-by. */
  readonly tables: PartialTable[][];
  readonly history: HistoryLog;
  /** By key: swaps that were recorded or undone. */
  readonly swaps = new Map<number, KnownSwap[]>();
  /** By key: what is said of single readings of its registers, also of such as came before. */
  readonly doubts = new Map<number, Doubt[]>();
  /** Tuples that are older are in the store, or in an older generation. */
  readonly tuplesFrom: number;
  #doubts = 0;

  constructor(plans: SlotPlan[][], widthsMs: number[], counters: number, tuplesFrom: number) {
    this.tables = plans.map((some, rollup) => some.map((plan) => new PartialTable(plan, widthsMs[rollup])));
    this.history = new HistoryLog(counters);
    this.tuplesFrom = tuplesFrom;
  }

  /** `fresh`: of a reading of which nothing was said before. */
  addDoubt(key: number, doubt: Doubt, fresh: boolean): void {
    const known = this.doubts.get(key);
    if (known === undefined) this.doubts.set(key, [doubt]);
    const same = fresh ? -1 : (known ?? []).findIndex((one) => compareDoubts(one, doubt) === 0);
    if (same >= 0) known![same] = doubt;
    else {
      known?.push(doubt);
      this.#doubts++;
    }
  }

  doubt(key: number, counter: number, { t, v, id }: { t: number; v: number; id: number }): Doubt | null {
    if (this.doubts.size === 0) return null;
    const place = { counter, t, v, id };
    return this.doubts.get(key)?.find((one) => compareDoubts(one, place) === 0) ?? null;
  }

  /** It is in the store, and nobody reads it: its memory goes to the next ones. */
  release(): void {
    this.history.heads.release();
    this.history.records.release();
    for (const table of this.tables.flat()) table.release();
  }

  get usedBytes(): number {
    let bytes = this.history.heads.memoryBytes + this.history.records.usedBytes + this.#doubts * DOUBT_BYTES;
    for (const some of this.tables) for (const table of some) bytes += table.usedBytes;
    return bytes;
  }

  get memoryBytes(): number {
    let bytes = this.history.memoryBytes + this.#doubts * DOUBT_BYTES;
    for (const some of this.tables) for (const table of some) bytes += table.memoryBytes;
    return bytes;
  }
}
