import { apportion } from './apportion.ts';
import { type Buckets, clearBucket, copyBucket, newBuckets } from './buckets.ts';
import { decodeChunks } from './chunk.ts';
import { type PeriodColumns, periodColumns, portionsByStep } from './cost.ts';
import type { Amounts, FinishPlan, Increases } from './finish-plan.ts';
import { finisherOf, topLists } from './finishers.ts';
import { FIRST_CORR, FIRST_T, FIRST_V, LAST_T, LAST_V, limbsAt, REST, REVISION, ROWS } from './kinds.ts';
import { type Accumulator, isChained, type Layout, withOperands } from './layout.ts';
import { coarsen, mergeAll } from './merge.ts';
import { finishQuality, longIntervals, type Quality } from './quality.ts';
import type { TopText } from './sketch/top-sketch.ts';
import { slide, slideAmounts, windowLead } from './slide.ts';

export interface FinishedSeries {
  time: number[];
  values: Record<string, (number | null)[]>;
  /** Measures that are lists; left out where none was asked for. */
  lists?: Record<string, TopText[][]>;
  final: boolean[];
  revision: number[];
  quality?: Quality;
  /** Of costs, by measure and period; where asked for. */
  periods?: Record<string, Record<string, PeriodColumns>>;
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
  const counters = countersAsked(plan);
  const { steps, increases } = stepsOf(plan, fine, counters);
  // What is told of quality is told of steps, not of windows that overlap.
  const spans = plan.quality && plan.window === undefined ? longIntervals(plan, fine) : null;
  const amounts: Amounts = { increases, portions: portionsByStep(plan, fine) };
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
    if (measure.fn === 'top') {
      answer.lists ??= {};
      answer.lists[measure.name] = topLists(plan.layout, measure.field ?? '', shown);
      continue;
    }
    const finish = finisherOf(plan, measure, shown, amounts);
    const values: (number | null)[] = [];
    for (let at = 0; at < shown.n; at++) values.push(finish(at));
    answer.values[measure.name] = values;
  }
  if (spans !== null)
    answer.quality = finishQuality(plan, spans, shown, amountsShown(plan, shown, amounts, answer));
  if (plan.periods) answer.periods = periodsOf(plan, shown, amounts);
  return answer;
}

/** Of a cost, too, that part of the amount is estimated. */
function amountsShown(
  plan: FinishPlan,
  shown: Buckets,
  amounts: Amounts,
  { values }: FinishedSeries,
): FinishedSeries['values'] {
  const told = { ...values };
  for (const measure of plan.measures) {
    if (measure.fn !== 'cost') continue;
    const finish = finisherOf(plan, { ...measure, fn: 'increase' }, shown, amounts);
    told[measure.name] = Array.from({ length: shown.n }, (_, at) => finish(at));
  }
  return told;
}

function periodsOf(plan: FinishPlan, shown: Buckets, amounts: Amounts): FinishedSeries['periods'] {
  const costs = plan.measures.filter(({ fn }) => fn === 'cost');
  return Object.fromEntries(
    costs.map(({ name, field }) => [name, periodColumns(plan.layout, field ?? '', amounts.portions, shown)]),
  );
}

/** What each value is made of: steps, or windows of them. */
function stepsOf(
  plan: FinishPlan,
  fine: Buckets,
  counters: Accumulator[],
): { steps: Buckets; increases: Increases } {
  const count = plan.window ?? 1;
  const wider = count === 1 ? plan : { ...plan, from: windowLead(plan.steps, count, plan.from) };
  const ranged = inRange(wider, fine);
  // Nothing is to be merged where every bucket is a step of its own, as on a page that asks for the tier as it is.
  const steps = eachIsAStep(plan, ranged) ? ranged : coarsen(ranged, plan.steps);
  const increases: Increases = new Map();
  for (const counter of counters)
    if (counter.kind === 'register') increases.set(counter.lane, registerIncreases(wider, fine, counter));
  if (count === 1) return { steps, increases };
  for (const [lane, amounts] of increases)
    increases.set(lane, slideAmounts(amounts, plan.steps, count, plan.from, plan.to));
  return { steps: slide(steps, plan.steps, count, plan.from, plan.to), increases };
}

function eachIsAStep(plan: FinishPlan, buckets: Buckets): boolean {
  for (let at = 0; at < buckets.n; at++)
    if (plan.steps.start(buckets.starts[at]) !== buckets.starts[at]) return false;
  return true;
}

/** Of the measures that are asked for, what may lie in a step without readings: the others make no step worth showing. */
function countersAsked({ layout, measures }: FinishPlan): Accumulator[] {
  const asked = withOperands(measures);
  return layout.accumulators.filter(
    ({ kind, field }) =>
      (kind === 'register' || kind === 'share' || kind === 'stood') &&
      asked.some(
        (one) => one.field === field && isChained(one.fn) && (one.fn === 'timeMean') === (kind === 'stood'),
      ),
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
  const sketches = fine.sketches.map((column) => column.slice(from, to));
  return { kinds: fine.kinds, n: to - from, starts: fine.starts.subarray(from, to), lanes, sketches };
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
    ({ kind, lane }) =>
      kind !== 'register' && (steps.lanes[lane][at] !== 0 || steps.lanes[lane + 1][at] !== 0),
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
    const moved = lanes[lane + LAST_V][at] - lanes[lane + FIRST_V][at];
    const inside = limbsAt(lanes, lane + REST, at, moved);
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
  const moved = lanes[lane + FIRST_V][at] - lanes[lane + LAST_V][before];
  const amount = limbsAt(lanes, lane + FIRST_CORR, at, moved);
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
