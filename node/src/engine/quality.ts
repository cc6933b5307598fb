import { apportion } from '../contract/measures/apportion.ts';
import { LONG_AMOUNT, LONG_MS, RESETS } from '../contract/measures/kinds.ts';
import { addCorrection } from './accumulate.ts';
import type { PartialTable } from './partial-table.ts';
import type { SlotPart } from './slot-plan.ts';
import type { Interval } from './spread.ts';

/** How an interval is told beside its amount: see the kind `quality`. */
export interface QualityRule {
  /** Longer intervals are estimates. */
  longMs: number;
  maxGapMs: number;
  /** Beside a register it stands whole in the bucket that it ends in. */
  whole: boolean;
}

/** Puts what is to be said of an interval into its buckets; `sign` −1 takes it out again. */
export function addQuality(
  table: PartialTable,
  part: SlotPart,
  group: number,
  rule: QualityRule,
  interval: Interval,
  sign: number,
): void {
  const { fromT, toT, amount, resets } = interval;
  const width = table.widthMs;
  const end = Math.floor(toT / width);
  if (resets !== 0) table.addToExtra(table.slotOf(group, end), part.extra + RESETS, sign * resets);
  const span = toT - fromT;
  if (!(span > rule.longMs)) return;
  if (rule.whole) {
    addLong(table, part, table.slotOf(group, end), sign * amount, sign * span);
    return;
  }
  // Past the greatest gap nothing is spread, and the time is not, either.
  const begin = span > rule.maxGapMs ? end : Math.floor(fromT / width);
  let before = 0;
  for (let bucket = begin; bucket <= end; bucket++) {
    const upTo = bucket === end ? amount : apportion(amount, (bucket + 1) * width - fromT, span);
    const ms = Math.min(toT, (bucket + 1) * width) - Math.max(fromT, bucket * width);
    addLong(table, part, table.slotOf(group, bucket), sign * (upTo - before), sign * ms);
    before = upTo;
  }
}

function addLong(table: PartialTable, part: SlotPart, slot: number, amount: number, ms: number): void {
  if (amount !== 0) addCorrection(table, slot, part.extra + LONG_AMOUNT, amount);
  addCorrection(table, slot, part.extra + LONG_MS, ms);
}
