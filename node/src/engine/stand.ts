import { MAX_GAP_MS } from '../contract/measures/layout.ts';
import { addAmount } from './accumulate.ts';
import type { Block } from './block.ts';
import type { PartialTable } from './partial-table.ts';
import type { SlotPart } from './slot-plan.ts';
import type { Change, Interval } from './spread.ts';

/**
 * Gauges weighed by time: a value stands until the next reading of its key. Each bucket that it stands in gets the time
 * (`stood`) and value times time (`area`), whole numbers both, so that they add up, and can be taken out again when a
 * reading comes in between. What stands longer than the greatest gap is not known to stand and counts nowhere. As with
 * counters, an interval belongs to the later reading's dimensions.
 */

/** Products below this are added as they are; larger ones are cut at the limb first. */
const SAFE_PRODUCT = 2 ** 51;
const LIMB_BITS = 40n;

/** Values that stood before the readings of a block. HOT */
export function standBlock(
  table: PartialTable,
  part: SlotPart,
  block: Block,
  counter: number,
  change: Change,
  changed: { from: number },
): void {
  const width = table.widthMs;
  const values = block.values[counter];
  const beforeT = block.beforeT[counter];
  const beforeV = block.beforeV[counter];
  for (let i = 0; i < block.n; i++) {
    const toT = block.times[i];
    const fromT = beforeT[i];
    // False for NaN: without a reading before there is nothing that stood.
    if (Number.isNaN(values[i]) || !(toT - fromT <= MAX_GAP_MS)) continue;
    const start = block.buckets[i] * width;
    addStanding(table, part, block.slots[i], beforeV[i], toT - Math.max(fromT, start));
    if (fromT >= start) continue;
    standBetween(table, part, block.groups[i], { fromT, fromV: beforeV[i], toT: start }, 1, change);
    if (fromT < changed.from) changed.from = fromT;
  }
}

/** Puts in what a value stood from one time to another, or takes it out where `sign` is −1. */
export function stand(
  table: PartialTable,
  part: SlotPart,
  group: number,
  interval: Interval,
  sign: number,
  change: Change,
): void {
  if (interval.toT - interval.fromT <= MAX_GAP_MS) standBetween(table, part, group, interval, sign, change);
}

function standBetween(
  table: PartialTable,
  part: SlotPart,
  group: number,
  { fromT, fromV, toT }: Pick<Interval, 'fromT' | 'fromV' | 'toT'>,
  sign: number,
  change: Change,
): void {
  const width = table.widthMs;
  for (let from = fromT; from < toT; ) {
    const bucket = Math.floor(from / width);
    const to = Math.min(toT, (bucket + 1) * width);
    const slot = table.slotOf(group, bucket);
    addStanding(table, part, slot, fromV, sign * (to - from));
    if (bucket <= change.finalBucket) table.revise(slot, change.seq);
    from = to;
  }
}

/** HOT */
function addStanding(table: PartialTable, part: SlotPart, slot: number, value: number, ms: number): void {
  if (part.kind === 'stood') {
    addAmount(table, part, slot, ms);
    return;
  }
  const product = value * ms;
  if (product < SAFE_PRODUCT && product > -SAFE_PRODUCT) addAmount(table, part, slot, product);
  else addLargeProduct(table, part, slot, BigInt(value) * BigInt(ms));
}

function addLargeProduct(table: PartialTable, part: SlotPart, slot: number, product: bigint): void {
  addAmount(table, part, slot, Number(BigInt.asUintN(Number(LIMB_BITS), product)));
  table.addToExtra(slot, part.extra, Number(product >> LIMB_BITS));
}
