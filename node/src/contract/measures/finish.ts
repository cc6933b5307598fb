import type { MeasureSpec } from '../site/model.ts';
import { apportion } from './apportion.ts';
import type { Buckets } from './buckets.ts';
import { clearBucket, newBuckets } from './buckets.ts';
import { decodeChunks } from './chunk.ts';
import {
  FIRST_CORR,
  FIRST_T,
  FIRST_V,
  LAST_T,
  LAST_V,
  limbsToNumber,
  REST,
  REVISION,
  ROWS,
} from './kinds.ts';
import { type Accumulator, findAccumulator, type Layout, MAX_GAP_MS } from './layout.ts';
import { type Boundaries, mergeAll, mergeBucket } from './merge.ts';

/** What it takes to turn the partials of one group into numbers. */
export interface FinishPlan {
  layout: Layout;
  /** Those to answer, of the rollup's. */
  measures: MeasureSpec[];
  /** Of the answer: the tier's, or a multiple's (`stepBoundaries`). */
  steps: Boundaries;
  from: number;
  to: number;
  /** Null while there is none: nothing is final. */
  watermark: number | null;
  latenessMs: number;
}

export interface FinishedSeries {
  time: number[];
  values: Record<string, (number | null)[]>;
  final: boolean[];
  revision: number[];
}

/**
 * Finished columns of one group: its chunks from all shards merged, put into the steps of the answer, registers
 * interpolated. Steps that start before the one that holds `from`, or at `to` or later, only lend their registers.
 * Empty steps are left out; a step without readings that an interval of a register crosses is not empty.
 */
export function finishSeries(plan: FinishPlan, chunks: Uint8Array[]): FinishedSeries {
  return finishBuckets(plan, mergeChunkBytes(plan.layout, chunks));
}

/** Chunks of one group, in any order, as one. */
export function mergeChunkBytes(layout: Layout, chunks: Uint8Array[]): Buckets {
  const parts = chunks.flatMap(decodeChunks);
  return parts.length === 0 ? newBuckets(layout.kinds, 0) : mergeAll(parts);
}

export function finishBuckets(plan: FinishPlan, fine: Buckets): FinishedSeries {
  const steps = stepsOf(plan, fine);
  const increases = new Map<number, Map<number, number>>();
  for (const accumulator of plan.layout.accumulators)
    if (accumulator.kind === 'register')
      increases.set(accumulator.lane, registerIncreases(plan, fine, accumulator));
  addCrossed(steps, increases, plan);
  const starts = [...steps.keys()]
    .filter((start) => saysSomething(plan.layout, steps.get(start)!, increases, start))
    .sort((a, b) => a - b);
  const answer: FinishedSeries = { time: starts, values: {}, final: [], revision: [] };
  for (const start of starts) {
    const ends = plan.steps.end(start);
    answer.final.push(plan.watermark !== null && plan.watermark >= ends + plan.latenessMs);
    answer.revision.push(steps.get(start)!.lanes[REVISION][0]);
  }
  for (const measure of plan.measures) {
    const finish = finisherOf(plan, measure, increases);
    answer.values[measure.name] = starts.map((start) => finish(steps.get(start)!, start));
  }
  return answer;
}

/** The buckets of the range, merged into the steps of the answer. */
function stepsOf(plan: FinishPlan, fine: Buckets): Map<number, Buckets> {
  const steps = new Map<number, Buckets>();
  const from = plan.steps.start(plan.from);
  for (let at = 0; at < fine.n; at++) {
    const t = fine.starts[at];
    if (t < from || t >= plan.to) continue;
    const start = plan.steps.start(t);
    let step = steps.get(start);
    if (step === undefined) {
      step = emptyStep(plan, start);
      steps.set(start, step);
    }
    mergeBucket(step, 0, fine, at, t - start);
  }
  return steps;
}

function emptyStep(plan: FinishPlan, start: number): Buckets {
  const step = newBuckets(plan.layout.kinds, 1);
  clearBucket(step, 0, start);
  step.n = 1;
  return step;
}

/** Steps that hold no bucket but a part of a register's interval. */
function addCrossed(
  steps: Map<number, Buckets>,
  increases: Map<number, Map<number, number>>,
  plan: FinishPlan,
): void {
  for (const byStep of increases.values())
    for (const start of byStep.keys()) if (!steps.has(start)) steps.set(start, emptyStep(plan, start));
}

/** Increase of a register by step: what lies inside its buckets, and its parts of the intervals between them. */
function registerIncreases(plan: FinishPlan, fine: Buckets, register: Accumulator): Map<number, number> {
  const increases = new Map<number, number>();
  const lane = register.lane;
  const lanes = fine.lanes;
  const from = plan.steps.start(plan.from);
  let before = -1;
  for (let at = 0; at < fine.n; at++) {
    if (Number.isNaN(lanes[lane + FIRST_V][at])) continue;
    const start = fine.starts[at];
    const inside =
      lanes[lane + LAST_V][at] -
      lanes[lane + FIRST_V][at] +
      limbsToNumber(lanes[lane + REST][at], lanes[lane + REST + 1][at]);
    if (inside !== 0 && start >= from && start < plan.to) addTo(increases, plan.steps.start(start), inside);
    if (before >= 0) addBetween(plan, fine, lane, before, at, increases);
    before = at;
  }
  return increases;
}

/** The interval from a bucket's last reading to the next one's first, by step. */
function addBetween(
  plan: FinishPlan,
  fine: Buckets,
  lane: number,
  before: number,
  at: number,
  increases: Map<number, number>,
): void {
  const lanes = fine.lanes;
  const fromT = fine.starts[before] + lanes[lane + LAST_T][before];
  const toT = fine.starts[at] + lanes[lane + FIRST_T][at];
  const amount =
    lanes[lane + FIRST_V][at] -
    lanes[lane + LAST_V][before] +
    limbsToNumber(lanes[lane + FIRST_CORR][at], lanes[lane + FIRST_CORR + 1][at]);
  // Past the greatest gap it is zero already: then the engine put it all into the later bucket.
  if (amount <= 0 || toT - fromT > MAX_GAP_MS) return;
  const range = plan.steps.start(plan.from);
  let start = plan.steps.start(Math.max(fromT, range));
  let done = apportion(amount, start - fromT, toT - fromT);
  while (start < plan.to && done < amount) {
    const end = plan.steps.end(start);
    const upTo = apportion(amount, end - fromT, toT - fromT);
    if (upTo !== done) addTo(increases, start, upTo - done);
    done = upTo;
    start = end;
  }
}

/** Whether anything was read in the step or fell into it; what was put in and taken out again leaves a revision only. */
function saysSomething(
  layout: Layout,
  step: Buckets,
  increases: Map<number, Map<number, number>>,
  start: number,
): boolean {
  if (step.lanes[ROWS][0] > 0) return true;
  for (const byStep of increases.values()) if (byStep.has(start)) return true;
  return layout.accumulators.some(
    ({ kind, lane }) => kind === 'share' && (step.lanes[lane][0] !== 0 || step.lanes[lane + 1][0] !== 0),
  );
}

function addTo(sums: Map<number, number>, start: number, amount: number): void {
  sums.set(start, (sums.get(start) ?? 0) + amount);
}

type Finisher = (step: Buckets, start: number) => number | null;

function finisherOf(
  plan: FinishPlan,
  measure: MeasureSpec,
  increases: Map<number, Map<number, number>>,
): Finisher {
  const field = measure.field ?? '';
  const { layout } = plan;
  switch (measure.fn) {
    case 'count':
      return (step) => step.lanes[ROWS][0];
    case 'sum':
    case 'mean':
      return sumFinisher(layout, field, measure.fn === 'mean');
    case 'increase':
    case 'rate':
      return increaseFinisher(plan, field, measure.fn === 'rate', increases);
    default: {
      const found = findAccumulator(layout, measure.fn, field);
      if (found === null) return () => null;
      const lane = measure.fn === 'first' || measure.fn === 'last' ? found.lane + 1 : found.lane;
      return (step) => scaled(step.lanes[lane][0], found.decimals);
    }
  }
}

function sumFinisher(layout: Layout, field: string, mean: boolean): Finisher {
  const present = findAccumulator(layout, 'present', field);
  const sum = findAccumulator(layout, 'sum', field);
  if (present === null || sum === null) return () => null;
  return (step) => {
    const count = step.lanes[present.lane][0];
    if (count === 0) return null;
    const total = limbsToNumber(step.lanes[sum.lane][0], step.lanes[sum.lane + 1][0]);
    return scaled(mean ? total / count : total, sum.decimals);
  };
}

/** A rate is per second of the step, also where the step has not ended. */
function increaseFinisher(
  plan: FinishPlan,
  field: string,
  rate: boolean,
  increases: Map<number, Map<number, number>>,
): Finisher {
  const register = findAccumulator(plan.layout, 'register', field);
  const share = findAccumulator(plan.layout, 'share', field);
  return (step, start) => {
    const found = register ?? share;
    if (found === null) return null;
    const amount =
      register !== null
        ? (increases.get(register.lane)?.get(start) ?? 0)
        : limbsToNumber(step.lanes[found.lane][0], step.lanes[found.lane + 1][0]);
    const value = scaled(amount, found.decimals);
    return rate && value !== null ? value / ((plan.steps.end(start) - start) / 1000) : value;
  };
}

/** Back to the unit of the field; null stands for no value. */
function scaled(value: number, decimals: number): number | null {
  return !Number.isNaN(value) ? value / 10 ** decimals : null;
}
