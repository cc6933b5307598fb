import type { PartsAnswer } from '@weir/node/contract';
import { isAdditive, type Measure, type Selection } from './selection.ts';

/** What a meter counted over a whole range, against those behind it. */
export interface Whole {
  parent: string;
  whole: number;
  parts: { names: string[]; sum: number };
  difference: number;
  /** Meters that were not heard of in some of the range: the difference is too large by what they would have counted. */
  missing: string[];
}

/** Steps in which one of both sides is not known are left out of all three, so that they fit each other. */
export function wholesOf({ parents }: PartsAnswer, measure: string): Whole[] {
  return parents.map((one) => {
    const sums = { whole: 0, sum: 0, difference: 0 };
    const missing = new Set<string>();
    for (const [at, difference] of (one.difference[measure] ?? []).entries()) {
      for (const name of one.missing[at]) missing.add(name);
      if (difference === null) continue;
      sums.difference += difference;
      sums.whole += one.whole[measure][at] ?? 0;
      sums.sum += one.sum[measure][at] ?? 0;
    }
    return {
      parent: one.parent,
      whole: sums.whole,
      parts: { names: one.parts, sum: sums.sum },
      difference: sums.difference,
      missing: [...missing],
    };
  });
}

/** What is charted, if it adds up; else the first measure that does. Null where the rollup names no parts. */
export function partsMeasure({ rollup, measure }: Selection): Measure | null {
  if ((rollup.parts ?? []).length === 0) return null;
  return isAdditive(measure.fn) ? measure : (rollup.measures.find(({ fn }) => isAdditive(fn)) ?? null);
}
