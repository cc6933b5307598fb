import type { MeasureSpec } from '../site/model.ts';
import { apportion } from './apportion.ts';
import { type Buckets, clearBucket, copyBucket, newBuckets } from './buckets.ts';
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
import { type Accumulator, findAccumulator, type Layout } from './layout.ts';
import { type Boundaries, coarsen, mergeAll } from './merge.ts';
import { finishQuality, longIntervals, type Quality } from './quality.ts';

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
  /** How often a device usually reports, where the site file says so. */
  intervalMs?: number | null;
  /** Whether to tell how far the numbers are to be believed. */
  quality?: boolean;
}

export interface FinishedSeries {
  time: number[];
  values: Record<string, (number | null)[]>;
  final: boolean[];
  revision: number[];
  quality?: Quality;
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
  const ranged = inRange(plan, fine);
  // Nothing is to be merged where every bucket is a step of its own, as on a page that asks for the tier as it is.
  const steps = eachIsAStep(plan, ranged) ? ranged : coarsen(ranged, plan.steps);
  const counters = countersAsked(plan);
  const increases: Increases = new Map();
  for (const counter of counters)
    if (counter.kind === 'register') increases.set(counter.lane, registerIncreases(plan, fine, counter));
  const spans = plan.quality ? longIntervals(plan, fine) : null;
  const shown = shownSteps(counters, withCrossed(steps, increases), increases);
  const answer: FinishedSeries = {
    time: [...shown.starts.subarray(0, shown.n)],
    values: {},
    final: [],
    revision: [],
  };
  for (let at = 0; at < shown.n; at++) {
    const ends = plan.steps.end(shown.starts[at]);
    answer.final.push(plan.watermark !== null && plan.watermark >= ends + plan.latenessMs);
    answer.revision.push(shown.lanes[REVISION][at]);
  }
  for (const measure of plan.measures) {
    const finish = finisherOf(plan, measure, shown, increases);
    const values: (number | null)[] = [];
    for (let at = 0; at < shown.n; at++) values.push(finish(at));
    answer.values[measure.name] = values;
  }
  if (spans !== null) answer.quality = finishQuality(plan, spans, shown, answer.values);
  return answer;
}

/** Increase by the start of the step, by the register's lane. */
type Increases = Map<number, Map<number, number>>;

function eachIsAStep(plan: FinishPlan, buckets: Buckets): boolean {
  for (let at = 0; at < buckets.n; at++)
    if (plan.steps.start(buckets.starts[at]) !== buckets.starts[at]) return false;
  return true;
}

/** Registers and shares of the measures that are asked for: the others make no step worth showing, and take time. */
function countersAsked({ layout, measures }: FinishPlan): Accumulator[] {
  return layout.accumulators.filter(
    ({ kind, field }) =>
      (kind === 'register' || kind === 'share') &&
      measures.some((one) => one.field === field && (one.fn === 'increase' || one.fn === 'rate')),
  );
}

/** The buckets that the answer is about; the others only lend their registers. */
function inRange(plan: FinishPlan, fine: Buckets): Buckets {
  const first = plan.steps.start(plan.from);
  let from = 0;
  while (from < fine.n && fine.starts[from] < first) from++;
  let to = from;
  while (to < fine.n && fine.starts[to] < plan.to) to++;
  const lanes = fine.lanes.map((lane) => lane.subarray(from, to));
  return { kinds: fine.kinds, n: to - from, starts: fine.starts.subarray(from, to), lanes };
}

/** Adds the steps that hold no bucket but a part of a register's interval. */
function withCrossed(steps: Buckets, increases: Increases): Buckets {
  if (increases.size === 0) return steps;
  const known = new Set(steps.starts.subarray(0, steps.n));
  const crossed = new Set<number>();
  for (const byStep of increases.values())
    for (const start of byStep.keys()) if (!known.has(start)) crossed.add(start);
  if (crossed.size === 0) return steps;
  const all = newBuckets(steps.kinds, steps.n + crossed.size);
  let next = 0;
  for (const start of [...crossed, Number.POSITIVE_INFINITY].sort((a, b) => a - b)) {
    while (next < steps.n && steps.starts[next] < start) copyBucket(all, all.n++, steps, next++);
    if (start < Number.POSITIVE_INFINITY) clearBucket(all, all.n++, start);
  }
  return all;
}

/** Leaves out steps that say nothing: what was put in and taken out again leaves a revision only. */
function shownSteps(counters: Accumulator[], steps: Buckets, increases: Increases): Buckets {
  let n = 0;
  for (let at = 0; at < steps.n; at++) {
    if (!saysSomething(counters, steps, at, increases)) continue;
    if (n < at) copyBucket(steps, n, steps, at);
    n++;
  }
  steps.n = n;
  return steps;
}

function saysSomething(counters: Accumulator[], steps: Buckets, at: number, increases: Increases): boolean {
  if (steps.lanes[ROWS][at] > 0) return true;
  for (const byStep of increases.values()) if (byStep.has(steps.starts[at])) return true;
  return counters.some(
    ({ kind, lane }) => kind === 'share' && (steps.lanes[lane][at] !== 0 || steps.lanes[lane + 1][at] !== 0),
  );
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
    if (before >= 0) addBetween(plan, fine, register, before, at, increases);
    before = at;
  }
  return increases;
}

/** The interval from a bucket's last reading to the next one's first, by step. */
function addBetween(
  plan: FinishPlan,
  fine: Buckets,
  { lane, maxGapMs }: Accumulator,
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
  if (amount <= 0 || toT - fromT > maxGapMs) return;
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

function addTo(sums: Map<number, number>, start: number, amount: number): void {
  sums.set(start, (sums.get(start) ?? 0) + amount);
}

/** Value of the step at a place. */
type Finisher = (at: number) => number | null;

function finisherOf(plan: FinishPlan, measure: MeasureSpec, steps: Buckets, increases: Increases): Finisher {
  const field = measure.field ?? '';
  switch (measure.fn) {
    case 'count':
      return (at) => steps.lanes[ROWS][at];
    case 'sum':
    case 'mean':
      return sumFinisher(plan.layout, field, steps, measure.fn === 'mean');
    case 'increase':
      return increaseFinisher(plan.layout, field, steps, increases);
    case 'rate':
      return rateFinisher(plan, increaseFinisher(plan.layout, field, steps, increases), steps);
    default: {
      const found = findAccumulator(plan.layout, measure.fn, field);
      if (found === null) return () => null;
      const values =
        steps.lanes[measure.fn === 'first' || measure.fn === 'last' ? found.lane + 1 : found.lane];
      return (at) => scaled(values[at], found.decimals);
    }
  }
}

function sumFinisher(layout: Layout, field: string, steps: Buckets, mean: boolean): Finisher {
  const present = findAccumulator(layout, 'present', field);
  const sum = findAccumulator(layout, 'sum', field);
  if (present === null || sum === null) return () => null;
  const counts = steps.lanes[present.lane];
  const high = steps.lanes[sum.lane];
  const low = steps.lanes[sum.lane + 1];
  return (at) => {
    if (counts[at] === 0) return null;
    const total = limbsToNumber(high[at], low[at]);
    return scaled(mean ? total / counts[at] : total, sum.decimals);
  };
}

function increaseFinisher(layout: Layout, field: string, steps: Buckets, increases: Increases): Finisher {
  const register = findAccumulator(layout, 'register', field);
  if (register !== null) {
    const byStep = increases.get(register.lane);
    return (at) => scaled(byStep?.get(steps.starts[at]) ?? 0, register.decimals);
  }
  const share = findAccumulator(layout, 'share', field);
  if (share === null) return () => null;
  return (at) =>
    scaled(limbsToNumber(steps.lanes[share.lane][at], steps.lanes[share.lane + 1][at]), share.decimals);
}

/** Per second of the step, also where the step has not ended. */
function rateFinisher(plan: FinishPlan, increase: Finisher, steps: Buckets): Finisher {
  return (at) => {
    const value = increase(at);
    const start = steps.starts[at];
    return value === null ? null : value / ((plan.steps.end(start) - start) / 1000);
  };
}

/** Back to the unit of the field; null stands for no value. */
function scaled(value: number, decimals: number): number | null {
  return Number.isNaN(value) ? null : value / 10 ** decimals;
}
