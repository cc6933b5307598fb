import { type Buckets, newBuckets } from '../contract/measures/buckets.ts';
import type { AccumulatorKind } from '../contract/measures/kinds.ts';

/** Room in which a group's buckets are put together: never held across a pause, so that all questions share it. */
export interface Scratch {
  fine: Buckets;
  wide: Buckets;
}

/** A day of minutes is half a megabyte; made anew for each question it would be collected as often. */
const scratches = new WeakMap<AccumulatorKind[], Scratch>();

export function scratchFor(kinds: AccumulatorKind[]): Scratch {
  let known = scratches.get(kinds);
  if (known === undefined) {
    known = { fine: newBuckets(kinds, 16), wide: newBuckets(kinds, 16) };
    scratches.set(kinds, known);
  }
  return known;
}
