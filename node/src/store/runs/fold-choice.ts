import type { Run } from './run.ts';

/** A period with more runs is folded. Each run costs a read a block, each fold rewrites: 8 write 5 % less, 4 write 10 % more. */
export const RUNS_MAX = 6;
/** A period that so many checkpoints of its shard left alone is folded to a single run. */
export const QUIET_CHECKPOINTS = 30;
/** An older run is taken along while it is at most this many times as large as all newer ones together. */
const TAKE_ALONG = 1;

/**
 * Which runs to fold: the newest ones, and older ones as long as they are small beside what is folded anyway. A
 * byte is so rewritten about as often as the whole doubles, not at every fold. Runs must stay neighbours in age.
 */
export function runsToFold(runs: readonly Run[], most: number, all: boolean): readonly Run[] {
  if (runs.length < 2) return [];
  if (all) return runs;
  if (runs.length <= most) return [];
  let from = runs.length - 1;
  let bytes = runs[from].bytes;
  while (from > 0 && (runs[from - 1].bytes <= bytes * TAKE_ALONG || from === runs.length - 1)) {
    from--;
    bytes += runs[from].bytes;
  }
  return runs.slice(from);
}

/** Periods with several runs, the longest untouched first. */
export class FoldQueue {
  #touched = new Map<string, { shard: number; table: string; period: number; checkpoint: number }>();
  #crowded = new Map<string, { shard: number; table: string; period: number }>();

  note(run: Run, runs: number, most: number, checkpoint: number): void {
    const { shard, table, period } = run;
    const name = `${shard}|${period}|${table}`;
    this.#touched.delete(name);
    this.#crowded.delete(name);
    if (runs > 1) this.#touched.set(name, { shard, table, period, checkpoint });
    if (runs > most) this.#crowded.set(name, { shard, table, period });
  }

  forget(shard: number, table: string, period: number): void {
    const name = `${shard}|${period}|${table}`;
    this.#touched.delete(name);
    this.#crowded.delete(name);
  }

  /** `quiet` answers, for a shard, the number of the checkpoint since which a period must be untouched. */
  next(
    quiet: (shard: number) => number,
  ): { shard: number; table: string; period: number; all: boolean } | null {
    for (const crowded of this.#crowded.values()) return { ...crowded, all: false };
    for (const touched of this.#touched.values()) {
      if (touched.checkpoint <= quiet(touched.shard)) return { ...touched, all: true };
    }
    return null;
  }

  clear(): void {
    this.#touched.clear();
    this.#crowded.clear();
  }
}
