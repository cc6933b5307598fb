import type { KnownSwap } from '../contract/measures/swaps-entry.ts';
import { HistoryLog } from './history-log.ts';
import { PartialTable } from './partial-table.ts';
import type { SlotPlan } from './slot-plan.ts';

/** What one stream put into memory between two checkpoints. A frozen one no longer changes. */
export class Generation {
  /** By rollup, then by group-by. */
  readonly tables: PartialTable[][];
  readonly history: HistoryLog;
  /** By key: swaps that were recorded or undone. */
  readonly swaps = new Map<number, KnownSwap[]>();
  /** Tuples that are older are in the store, or in an older generation. */
  readonly tuplesFrom: number;

  constructor(plans: SlotPlan[][], widthsMs: number[], counters: number, tuplesFrom: number) {
    this.tables = plans.map((some, rollup) => some.map((plan) => new PartialTable(plan, widthsMs[rollup])));
    this.history = new HistoryLog(counters);
    this.tuplesFrom = tuplesFrom;
  }

  get memoryBytes(): number {
    let bytes = this.history.memoryBytes;
    for (const some of this.tables) for (const table of some) bytes += table.memoryBytes;
    return bytes;
  }
}
