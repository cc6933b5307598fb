import type { MeasureFn, MeasureSpec } from '../site/model.ts';
import type { Buckets } from './buckets.ts';
import { costFinisher } from './cost.ts';
import { compileExpression } from './expression.ts';
import type { Amounts, FinishPlan, Increases } from './finish-plan.ts';
import { LIMB, limbsAt, limbsToNumber, ROWS, type SketchKind } from './kinds.ts';
import { findAccumulator, type Layout } from './layout.ts';
import { quantileIn } from './quantile-fn.ts';
import { quantileOf } from './sketch/quantile-sketch.ts';
import { type TopText, topOf } from './sketch/top-sketch.ts';
import { uniquesOf } from './sketch/unique-sketch.ts';
import { windowLead } from './slide.ts';

/** Value of the step at a place. */
export type Finisher = (at: number) => number | null;

/** What makes the numbers of a measure out of the partials of steps. */
export function finisherOf(
  plan: FinishPlan,
  measure: MeasureSpec,
  steps: Buckets,
  amounts: Amounts,
): Finisher {
  const field = measure.field ?? '';
  const increase = () => increaseFinisher(plan.layout, field, steps, amounts.increases);
  switch (measure.fn) {
    case 'count':
      return (at) => steps.lanes[ROWS][at];
    case 'sum':
    case 'mean':
      return sumFinisher(plan.layout, field, steps, measure.fn === 'mean');
    case 'increase':
      return increase();
    case 'rate':
      return rateFinisher(plan, increase(), steps);
    case 'cost':
      return costFinisher(plan.layout, field, amounts.portions, increase(), steps.starts);
    case 'timeMean':
      return timeMeanFinisher(plan.layout, field, steps);
    case 'expression':
      return expressionFinisher(plan, measure, steps, amounts);
    case 'stddev':
      return stddevFinisher(plan.layout, field, steps);
    case 'distinct':
      return sketchFinisher(plan.layout, 'uniques', field, steps, uniquesOf);
    case 'min':
    case 'max':
    case 'first':
    case 'last': {
      const found = findAccumulator(plan.layout, measure.fn, field);
      if (found === null) return () => null;
      const values =
        steps.lanes[measure.fn === 'first' || measure.fn === 'last' ? found.lane + 1 : found.lane];
      return (at) => scaled(values[at], found.decimals);
    }
    default:
      return quantileFinisher(plan.layout, measure.fn, field, steps);
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

function timeMeanFinisher(layout: Layout, field: string, steps: Buckets): Finisher {
  const area = findAccumulator(layout, 'area', field);
  const stood = findAccumulator(layout, 'stood', field);
  if (area === null || stood === null) return () => null;
  return (at) => {
    const ms = limbsAt(steps.lanes, stood.lane, at);
    return ms === 0 ? null : scaled(limbsAt(steps.lanes, area.lane, at) / ms, area.decimals);
  };
}

/** Each operand is finished for the step, then the expression is worked out. */
function expressionFinisher(
  plan: FinishPlan,
  { expression }: MeasureSpec,
  steps: Buckets,
  amounts: Amounts,
): Finisher {
  if (expression === undefined) return () => null;
  const evaluate = compileExpression(expression.text);
  const finishers = expression.operands.map((operand) => finisherOf(plan, operand, steps, amounts));
  let place = 0;
  const operand = (at: number) => finishers[at](place);
  return (at) => {
    place = at;
    return evaluate(operand);
  };
}

/** Of all readings of the step, none left out, so by their number and not by one less. Exact up to the last root. */
function stddevFinisher(layout: Layout, field: string, steps: Buckets): Finisher {
  const present = findAccumulator(layout, 'present', field);
  const sum = findAccumulator(layout, 'sum', field);
  const squares = findAccumulator(layout, 'squares', field);
  if (present === null || sum === null || squares === null) return () => null;
  const counts = steps.lanes[present.lane];
  return (at) => {
    const n = counts[at];
    if (n === 0) return null;
    const total = wholeNumber(steps.lanes, sum.lane, 2, at);
    const spread = BigInt(n) * wholeNumber(steps.lanes, squares.lane, 3, at) - total * total;
    return scaled(Math.sqrt(Number(spread)) / n, sum.decimals);
  };
}

/** An exact integer out of its limbs. */
function wholeNumber(lanes: Float64Array[], lane: number, limbs: number, at: number): bigint {
  let whole = 0n;
  for (let limb = 0; limb < limbs; limb++) whole = whole * BigInt(LIMB) + BigInt(lanes[lane + limb][at]);
  return whole;
}

function quantileFinisher(layout: Layout, fn: MeasureFn, field: string, steps: Buckets): Finisher {
  const q = quantileIn(fn) ?? 0;
  const decimals = findAccumulator(layout, 'quantiles', field)?.decimals ?? 0;
  return sketchFinisher(layout, 'quantiles', field, steps, (bytes) => quantileOf(bytes, q) / 10 ** decimals);
}

function sketchFinisher(
  layout: Layout,
  kind: SketchKind,
  field: string,
  steps: Buckets,
  finish: (bytes: Uint8Array) => number,
): Finisher {
  const found = findAccumulator(layout, kind, field);
  if (found === null) return () => null;
  const column = steps.sketches[found.sketch];
  return (at) => {
    const bytes = column[at];
    return bytes === null ? null : finish(bytes);
  };
}

/** Texts of one list. */
const TOP_TEXTS = 10;

export function topLists(layout: Layout, field: string, steps: Buckets): TopText[][] {
  const found = findAccumulator(layout, 'tops', field);
  const column = found === null ? [] : steps.sketches[found.sketch];
  return Array.from({ length: steps.n }, (_, at) => {
    const bytes = column[at] ?? null;
    return bytes === null ? [] : topOf(bytes, TOP_TEXTS);
  });
}

function increaseFinisher(layout: Layout, field: string, steps: Buckets, increases: Increases): Finisher {
  const register = findAccumulator(layout, 'register', field);
  if (register !== null) {
    const byStep = increases.get(register.lane);
    return (at) => scaled(byStep?.get(steps.starts[at]) ?? 0, register.decimals);
  }
  const share = findAccumulator(layout, 'share', field);
  if (share === null) return () => null;
  return (at) => scaled(limbsAt(steps.lanes, share.lane, at), share.decimals);
}

/** Per second of the step or window, also where the step has not ended. */
function rateFinisher(plan: FinishPlan, increase: Finisher, steps: Buckets): Finisher {
  return (at) => {
    const value = increase(at);
    const start = steps.starts[at];
    const from = plan.window === undefined ? start : windowLead(plan.steps, plan.window, start);
    return value === null ? null : value / ((plan.steps.end(start) - from) / 1000);
  };
}

/** Back to the unit of the field; null stands for no value. */
function scaled(value: number, decimals: number): number | null {
  return Number.isNaN(value) ? null : value / 10 ** decimals;
}
