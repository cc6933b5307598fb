import type { Run } from './run.ts';

/**
 * Runs of one shard. What is published never changes: a commit makes copies of the tables that it touches, so a
 * view is taken by keeping the reference.
 */
export type ShardRuns = ReadonlyMap<string, TableRuns>;

export interface TableRuns {
  /** Oldest run first. */
  readonly periods: ReadonlyMap<number, readonly Run[]>;
  readonly ascending: readonly number[];
}

export const NO_RUNS: readonly Run[] = Object.freeze([]);

export function runsOf(runs: ShardRuns, table: string, period: number): readonly Run[] {
  return runs.get(table)?.periods.get(period) ?? NO_RUNS;
}

export function changeRuns(before: ShardRuns, removed: readonly Run[], added: readonly Run[]): ShardRuns {
  const gone = new Set(removed.map((run) => run.id));
  const touched = new Map<string, Map<number, readonly Run[]>>();
  const of = (run: Run): Map<number, readonly Run[]> => {
    let periods = touched.get(run.table);
    if (periods === undefined) {
      periods = new Map(before.get(run.table)?.periods);
      touched.set(run.table, periods);
    }
    return periods;
  };
  for (const run of removed) {
    const periods = of(run);
    const left = (periods.get(run.period) ?? NO_RUNS).filter((other) => !gone.has(other.id));
    if (left.length > 0) periods.set(run.period, left);
    else periods.delete(run.period);
  }
  for (const run of added) {
    const periods = of(run);
    const now = [...(periods.get(run.period) ?? NO_RUNS), run];
    periods.set(run.period, now.sort(byAge));
  }
  return publish(before, touched);
}

function publish(before: ShardRuns, touched: Map<string, Map<number, readonly Run[]>>): ShardRuns {
  const after = new Map(before);
  for (const [table, periods] of touched) {
    if (periods.size === 0) after.delete(table);
    else after.set(table, { periods, ascending: [...periods.keys()].sort((a, b) => a - b) });
  }
  return after;
}

/** Two runs of one checkpoint share their age only if they hold different keys; the number then decides. */
function byAge(left: Run, right: Run): number {
  return left.order - right.order || left.id - right.id;
}

/**
 * A count and a mix of the numbers of a shard's runs. It stands in the position record, which every change of the
 * manifest writes: an entry that rotted away or that a torn write-ahead log swallowed is so noticed at opening.
 */
export interface Fingerprint {
  runs: number;
  mix: number;
}

export function fingerprintOf(runs: ShardRuns): Fingerprint {
  let count = 0;
  let mix = 0;
  for (const table of runs.values())
    for (const period of table.periods.values())
      for (const run of period) {
        count++;
        mix ^= mixOf(run.id);
      }
  return { runs: count, mix: mix >>> 0 };
}

export function changeFingerprint(
  before: Fingerprint,
  removed: readonly Run[],
  added: readonly Run[],
): Fingerprint {
  let mix = before.mix;
  for (const run of removed) mix ^= mixOf(run.id);
  for (const run of added) mix ^= mixOf(run.id);
  return { runs: before.runs - removed.length + added.length, mix: mix >>> 0 };
}

function mixOf(id: number): number {
  let mixed = Math.imul(id ^ (id >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
