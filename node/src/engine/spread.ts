import { apportion, increaseOf } from '../contract/measures/apportion.ts';
import { MAX_GAP_MS } from '../contract/measures/layout.ts';
import { addAmount } from './accumulate.ts';
import type { PartialTable } from './partial-table.ts';
import type { SlotPart } from './slot-plan.ts';

/** What a change is measured by: the record that makes it, and the newest bucket that was final before it. */
export interface Change {
  seq: number;
  finalBucket: number;
}

/**
 * Puts the increase between two readings of a counter into the buckets that the time between them touches, in
 * proportion; `sign` −1 takes it out again. `last` tells whether the later reading's own bucket is included. Nothing is
 * spread over more than the greatest gap.
 */
export function spread(
  table: PartialTable,
  part: SlotPart,
  group: number,
  interval: Interval,
  sign: number,
  last: boolean,
  change: Change,
): void {
  const { fromT, toT } = interval;
  const amount = increaseOf(interval.fromV, interval.toV);
  const width = table.widthMs;
  const end = Math.floor(toT / width);
  const span = toT - fromT;
  let before = 0;
  for (let bucket = span > MAX_GAP_MS ? end : Math.floor(fromT / width); bucket < end; bucket++) {
    const upTo = apportion(amount, (bucket + 1) * width - fromT, span);
    if (upTo !== before) addPart(table, part, group, bucket, sign * (upTo - before), change);
    before = upTo;
  }
  if (last && amount !== before) addPart(table, part, group, end, sign * (amount - before), change);
}

export interface Interval {
  fromT: number;
  fromV: number;
  toT: number;
  toV: number;
}

function addPart(
  table: PartialTable,
  part: SlotPart,
  group: number,
  bucket: number,
  amount: number,
  change: Change,
): void {
  const slot = table.slotOf(group, bucket);
  addAmount(table, part, slot, amount);
  if (bucket <= change.finalBucket) table.revise(slot, change.seq);
}

/** What of the interval lies in the bucket of the later reading. */
export function lastShare(
  fromT: number,
  fromV: number,
  toT: number,
  toV: number,
  bucketStart: number,
): number {
  const amount = increaseOf(fromV, toV);
  if (fromT >= bucketStart || toT - fromT > MAX_GAP_MS) return amount;
  return amount - apportion(amount, bucketStart - fromT, toT - fromT);
}

/** Correction of the interval that ends in a reading: what its increase is more than the difference of values. */
export function correctionOf(fromT: number, fromV: number, toT: number, toV: number): number {
  if (Number.isNaN(fromT)) return 0;
  // Past the greatest gap nothing may be spread, so the difference is undone here and stands in `restOf`.
  if (toT - fromT > MAX_GAP_MS) return fromV - toV;
  return toV >= fromV ? 0 : increaseOf(fromV, toV) - (toV - fromV);
}

/** What stands in the later reading's bucket whatever comes before it. */
export function restOf(fromT: number, fromV: number, toT: number, toV: number): number {
  return toT - fromT > MAX_GAP_MS ? increaseOf(fromV, toV) : 0;
}
