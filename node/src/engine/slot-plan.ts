import { type AccumulatorKind, isZeroWhenEmpty } from '../contract/measures/kinds.ts';
import type { Layout } from '../contract/measures/layout.ts';
import { clockOf, type TariffClock } from '../contract/tariff/tariff-clock.ts';
import type { QualityRule } from './quality.ts';

/** Words that every slot begins with. */
export const SLOT_BUCKET = 0;
export const SLOT_NEXT = 1;
export const SLOT_ROWS = 2;
/** Record in the table of extras, 0 when the slot has none. */
export const SLOT_EXTRA = 3;
const SLOT_WORDS = 4;

/** Doubles that every extra begins with. */
export const EXTRA_LATE = 0;
export const EXTRA_REVISION = 1;
/** Position of the log record that last counted as a revision. */
export const EXTRA_REVISED_BY = 2;
const EXTRA_DOUBLES = 3;

/** Where an accumulator lies in a slot. What is seldom used (high limbs, corrections) lies in the extra. */
export interface SlotPart {
  kind: AccumulatorKind;
  field: string;
  /** First of its lanes in `Buckets`. */
  lane: number;
  word: number;
  double: number;
  extra: number;
  /** Of a quality: what it takes to tell. */
  quality: QualityRule | null;
  /** Of portions: tells the period of a bucket. */
  clock: TariffClock | null;
  /** Place among the sketches, whose word is one more than their place in the table's pool; −1 for what is none. */
  sketch: number;
}

export interface SlotPlan {
  kinds: AccumulatorKind[];
  parts: SlotPart[];
  words: number;
  doubles: number;
  extraDoubles: number;
  /** Doubles that are no number until they are set. */
  blanks: number[];
}

/** Words, doubles and extra doubles of a kind; times are words, since they count from the start of a short bucket. */
const ROOM: Readonly<Record<AccumulatorKind, readonly [number, number, number]>> = {
  present: [1, 0, 0],
  sum: [0, 1, 1],
  share: [0, 1, 1],
  min: [0, 1, 0],
  max: [0, 1, 0],
  first: [1, 1, 0],
  last: [1, 1, 0],
  register: [2, 2, 4],
  quality: [0, 0, 5],
  repeats: [0, 0, 1],
  squares: [0, 1, 2],
  area: [0, 1, 1],
  stood: [0, 1, 1],
  quantiles: [1, 0, 0],
  uniques: [1, 0, 0],
  tops: [1, 0, 0],
  // One bucket of the finest tier lies in one period: here it is a share.
  portions: [0, 1, 1],
};

export function slotPlan(layout: Layout): SlotPlan {
  const plan: SlotPlan = {
    kinds: layout.kinds,
    parts: [],
    words: SLOT_WORDS,
    doubles: 0,
    extraDoubles: EXTRA_DOUBLES,
    blanks: [],
  };
  const whole = layout.kinds.includes('register');
  for (const { kind, field, lane, longMs, maxGapMs, sketch, tariff } of layout.accumulators) {
    plan.parts.push({
      kind,
      field,
      lane,
      word: plan.words,
      double: plan.doubles,
      extra: plan.extraDoubles,
      quality: kind === 'quality' ? { longMs, maxGapMs, whole } : null,
      clock: tariff === undefined ? null : clockOf(tariff),
      sketch,
    });
    const [words, doubles, extra] = ROOM[kind];
    if (!isZeroWhenEmpty(kind))
      for (let more = 0; more < doubles; more++) plan.blanks.push(plan.doubles + more);
    plan.words += words;
    plan.doubles += doubles;
    plan.extraDoubles += extra;
  }
  return plan;
}
