/**
 * The kinds of accumulator, and the lanes (numbers) that each keeps for a bucket. A kind's place in this list is its
 * code in a stored chunk: append, never reorder. Values are integers scaled by the field's decimals.
 * - `present`: how many readings had a value.
 * - `sum`, `share`: an exact integer in two limbs. A share is what the intervals of a counter put into the bucket; it
 *   belongs to groups that fold several keys, where a register would mix them up.
 * - `min`, `max`: NaN when empty.
 * - `first`, `last`: time after the start of the bucket, and value; of equal times the smaller value is first.
 * - `register`: the segment of one key's counter: first and last reading, the correction that belongs to the interval
 *   which ends in the first reading, and the corrections of all later intervals. Increase inside the bucket =
 *   last − first + rest; across to the one before = first − its last + firstCorr. Corrections undo resets.
 * - `quality`: of one counter: the amount of long intervals, their time in ms (each an exact integer in two limbs), and how
 *   often the register began again. Beside a register an interval stands whole in the bucket that it ends in, since what
 *   of it lies where is told when read; beside a share it is spread.
 * - `repeats`: how many readings of the bucket came again.
 * - `squares`: the sum of the values' squares, an exact integer in three limbs.
 * - `area`, `stood`: of a gauge, value times time and time in milliseconds that it stood in the bucket, as sums.
 * - `quantiles`, `uniques`, `tops`: sketches, byte strings beside the lanes; see `sketch/`.
 * - `portions`: what intervals of a counter put into the bucket, as a share, apart by period of its tariff; a byte string
 *   too, see `portions.ts`.
 */
export const ACCUMULATOR_KINDS = [
  'present',
  'sum',
  'min',
  'max',
  'first',
  'last',
  'register',
  'share',
  'quality',
  'repeats',
  'squares',
  'quantiles',
  'uniques',
  'tops',
  'area',
  'stood',
  'portions',
] as const;

export type AccumulatorKind = (typeof ACCUMULATOR_KINDS)[number];

export const KIND_LANES: Readonly<Record<AccumulatorKind, number>> = {
  present: 1,
  sum: 2,
  min: 1,
  max: 1,
  first: 2,
  last: 2,
  register: 8,
  share: 2,
  quality: 5,
  repeats: 1,
  squares: 3,
  quantiles: 0,
  uniques: 0,
  tops: 0,
  area: 2,
  stood: 2,
  portions: 0,
};

/** Kinds whose lanes are zero when empty; in the others NaN stands for none. HOT */
export function isZeroWhenEmpty(kind: AccumulatorKind): boolean {
  switch (kind) {
    case 'present':
    case 'sum':
    case 'share':
    case 'quality':
    case 'repeats':
    case 'squares':
    case 'area':
    case 'stood':
    case 'portions':
      return true;
    default:
      return false;
  }
}

/** Kinds that keep a byte string for a bucket, and no lanes. */
export type SketchKind = 'quantiles' | 'uniques' | 'tops' | 'portions';

export function isSketch(kind: AccumulatorKind): kind is SketchKind {
  return kind === 'quantiles' || kind === 'uniques' || kind === 'tops' || kind === 'portions';
}

/** Lanes of a quality, after its first. */
export const LONG_AMOUNT = 0;
export const LONG_MS = 2;
export const RESETS = 4;

/** Lanes that every bucket has before those of its accumulators. */
export const ROWS = 0;
export const LATE = 1;
export const REVISION = 2;
export const COMMON_LANES = 3;

/** Lanes of a register, after its first. Times are after the bucket's start. */
export const FIRST_T = 0;
export const FIRST_V = 1;
export const LAST_T = 2;
export const LAST_V = 3;
export const FIRST_CORR = 4;
export const REST = 6;

/** The low limb holds this many units; see `LIMB`. */
const LIMB_HALF = 2 ** 39;
export const LIMB = 2 ** 40;

/** What of an exact integer belongs into the high limb, so that the low one is in [−2^39, 2^39): one form a value. */
export function carryOf(lo: number): number {
  return Math.floor((lo + LIMB_HALF) / LIMB);
}

/** The exact integer as a double: what is shown, never what is kept. */
export function limbsToNumber(hi: number, lo: number): number {
  return hi * LIMB + lo;
}

/**
 * The same of a lane and the one after it. What is to be added goes in before it is rounded, since the corrections of a
 * register may be past 2^53 where the register with them is not.
 */
export function limbsAt(lanes: Float64Array[], lane: number, at: number, more = 0): number {
  return limbsToNumber(lanes[lane][at], lanes[lane + 1][at] + more);
}
