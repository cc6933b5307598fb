import { apportion } from '../contract/measures/apportion.ts';
import { addAmount } from './accumulate.ts';
import type { PartialTable } from './partial-table.ts';
import type { SlotPart } from './slot-plan.ts';

/** What a change is measured by: the record that makes it, and the newest bucket that was final before it. */
export interface Change {
  seq: number;
  finalBucket: number;
}

/** What flowed between two consecutive readings of a register. */
export interface Interval {
  fromT: number;
  fromV: number;
  toT: number;
  toV: number;
  amount: number;
  /** How often the register began again in it. */
  resets: number;
}

/**
 * Puts the amount of an interval into the buckets that the time between its readings touches, in proportion; `sign` −1
 * takes it out again. `last` tells whether the later reading's own bucket is included. Nothing is spread over more than
 * the greatest gap.
 */
export function spread(
  table: PartialTable,
  part: SlotPart,
  group: number,
  interval: Interval,
  maxGapMs: number,
  sign: number,
  last: boolean,
  change: Change,
): void {
  const { fromT, toT, amount } = interval;
  const width = table.widthMs;
  const end = Math.floor(toT / width);
  const span = toT - fromT;
  let before = 0;
  for (let bucket = span > maxGapMs ? end : Math.floor(fromT / width); bucket < end; bucket++) {
    const upTo = apportion(amount, (bucket + 1) * width - fromT, span);
    if (upTo !== before) addPart(table, part, group, bucket, sign * (upTo - before), change);
    before = upTo;
  }
  if (last && amount !== before) addPart(table, part, group, end, sign * (amount - before), change);
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

/** What of the interval lies in the bucket of the later reading. HOT */
export function lastShare(
  fromT: number,
  toT: number,
  amount: number,
  bucketStart: number,
  maxGapMs: number,
): number {
  if (fromT >= bucketStart || toT - fromT > maxGapMs) return amount;
  return amount - apportion(amount, bucketStart - fromT, toT - fromT);
}

/** Correction of the interval that ends in a reading: what its amount is more than the difference of values. */
export function correctionOf({ fromT, fromV, toT, toV, amount }: Interval, maxGapMs: number): number {
  // Past the greatest gap nothing may be spread, so the difference is undone here and stands in `restOf`.
  return (toT - fromT > maxGapMs ? 0 : amount) - (toV - fromV);
}

/** What stands in the later reading's bucket whatever comes before it. */
export function restOf({ fromT, toT, amount }: Interval, maxGapMs: number): number {
  return toT - fromT > maxGapMs ? amount : 0;
}
