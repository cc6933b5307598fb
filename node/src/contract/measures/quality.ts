import type { MeasureSpec } from '../site/model.ts';
import { apportion } from './apportion.ts';
import type { Buckets } from './buckets.ts';
import type { FinishPlan } from './finish-plan.ts';
import {
  FIRST_CORR,
  FIRST_T,
  FIRST_V,
  LAST_T,
  LAST_V,
  LATE,
  LONG_AMOUNT,
  LONG_MS,
  limbsAt,
  RESETS,
  ROWS,
} from './kinds.ts';
import { type Accumulator, findAccumulator } from './layout.ts';

/** How far the numbers of an answer are to be believed, in columns beside them. */
export interface Quality {
  /** Share of the step that lies between readings which follow each other as usual; null where nothing tells. */
  coverage: (number | null)[];
  /** By measure: share of the amount that lies in gaps, and is spread over them. */
  estimated: Record<string, (number | null)[]>;
  late: number[];
  duplicates: number[];
  /** How often a register began again. */
  resets: number[];
}

/** Of one counter, by the start of the step. */
export interface Long {
  amounts: Map<number, number>;
  ms: Map<number, number>;
  /** Time between the first and the last reading, also of other steps. */
  spannedMs: Map<number, number>;
}

/** Of the registers: `fine` holds the buckets of the tier, also those beside the range that only lend them. */
export function longIntervals(plan: FinishPlan, fine: Buckets): Map<string, Long> {
  const spans = new Map<string, Long>();
  for (const quality of plan.layout.accumulators) {
    const register =
      quality.kind === 'quality' ? findAccumulator(plan.layout, 'register', quality.field) : null;
    if (register !== null) spans.set(quality.field, registerSpans(plan, fine, register, quality));
  }
  return spans;
}

/** `steps` are those of the answer. */
export function finishQuality(
  plan: FinishPlan,
  registers: Map<string, Long>,
  steps: Buckets,
  values: Record<string, (number | null)[]>,
): Quality {
  const quality: Quality = { coverage: [], estimated: {}, late: [], duplicates: [], resets: [] };
  const { layout } = plan;
  const counters = layout.accumulators.filter((one) => one.kind === 'quality');
  const long = new Map(
    counters.map((one) => [one.field, registers.get(one.field) ?? shareSpans(steps, one.lane)]),
  );
  const repeats = findAccumulator(layout, 'repeats', '');
  for (let at = 0; at < steps.n; at++) {
    quality.late.push(steps.lanes[LATE][at]);
    quality.duplicates.push(repeats === null ? 0 : steps.lanes[repeats.lane][at]);
    quality.resets.push(counters.reduce((sum, { lane }) => sum + steps.lanes[lane + RESETS][at], 0));
    quality.coverage.push(coverageOf(plan, steps, at, long.get(counters[0]?.field ?? '') ?? null));
  }
  for (const measure of plan.measures) {
    const of = long.get(measure.field ?? '');
    if (of === undefined || !isIncrease(measure)) continue;
    const { decimals } = counters.find((one) => one.field === measure.field)!;
    quality.estimated[measure.name] = values[measure.name].map((value, at) => {
      const start = steps.starts[at];
      const seconds = measure.fn === 'rate' ? (plan.steps.end(start) - start) / 1000 : 1;
      // Amounts are whole numbers; finishing has divided them.
      return shareOf(of.amounts.get(start) ?? 0, Math.round((value ?? 0) * seconds * 10 ** decimals));
    });
  }
  return quality;
}

function isIncrease({ fn }: MeasureSpec): boolean {
  return fn === 'increase' || fn === 'rate' || fn === 'cost';
}

/** Nothing of nothing is estimated. */
function shareOf(part: number, whole: number): number {
  return part === 0 || whole <= 0 ? 0 : Math.min(1, part / whole);
}

function coverageOf(plan: FinishPlan, steps: Buckets, at: number, long: Long | null): number | null {
  const start = steps.starts[at];
  const width = plan.steps.end(start) - start;
  const gapMs = long?.ms.get(start) ?? 0;
  const spanned = long?.spannedMs.get(start);
  if (spanned !== undefined) return Math.max(0, Math.min(1, (spanned - gapMs) / width));
  if (!plan.intervalMs || long === null) return null;
  // Of many devices only the silent ones are known by their time; the others by how often they spoke.
  const spokenMs = steps.lanes[ROWS][at] * plan.intervalMs;
  return spokenMs + gapMs === 0 ? null : spokenMs / (spokenMs + gapMs);
}

function shareSpans({ lanes, starts, n }: Buckets, lane: number): Long {
  const long = noSpans();
  for (let at = 0; at < n; at++) {
    long.amounts.set(starts[at], limbsAt(lanes, lane + LONG_AMOUNT, at));
    long.ms.set(starts[at], limbsAt(lanes, lane + LONG_MS, at));
  }
  return long;
}

function noSpans(): Long {
  return { amounts: new Map(), ms: new Map(), spannedMs: new Map() };
}

/** Long intervals stand whole where they end; the one that comes in from an earlier bucket is spread here. */
function registerSpans(plan: FinishPlan, fine: Buckets, { lane }: Accumulator, quality: Accumulator): Long {
  const long = noSpans();
  const { lanes } = fine;
  let before = -1;
  for (let at = 0; at < fine.n; at++) {
    if (Number.isNaN(lanes[lane + FIRST_V][at])) continue;
    const start = plan.steps.start(fine.starts[at]);
    let amount = limbsAt(lanes, quality.lane + LONG_AMOUNT, at);
    let ms = limbsAt(lanes, quality.lane + LONG_MS, at);
    add(plan, long.spannedMs, start, lanes[lane + LAST_T][at] - lanes[lane + FIRST_T][at]);
    if (before >= 0) {
      const fromT = fine.starts[before] + lanes[lane + LAST_T][before];
      const toT = fine.starts[at] + lanes[lane + FIRST_T][at];
      // Past the greatest gap it is zero: the amount stands here, and stays here.
      const moved = lanes[lane + FIRST_V][at] - lanes[lane + LAST_V][before];
      const crossing = limbsAt(lanes, lane + FIRST_CORR, at, moved);
      const isLong = toT - fromT > quality.longMs;
      if (isLong) {
        amount -= crossing;
        ms -= toT - fromT;
      }
      addCrossing(plan, long, isLong, { fromT, toT, amount: crossing });
    }
    add(plan, long.amounts, start, amount);
    add(plan, long.ms, start, ms);
    before = at;
  }
  return long;
}

function addCrossing(
  plan: FinishPlan,
  long: Long,
  isLong: boolean,
  { fromT, toT, amount }: { fromT: number; toT: number; amount: number },
): void {
  let start = plan.steps.start(Math.max(fromT, plan.steps.start(plan.from)));
  let done = apportion(amount, start - fromT, toT - fromT);
  while (start < plan.to && start < toT) {
    const end = plan.steps.end(start);
    const ms = Math.min(toT, end) - Math.max(fromT, start);
    add(plan, long.spannedMs, start, ms);
    if (isLong) {
      const upTo = apportion(amount, end - fromT, toT - fromT);
      add(plan, long.ms, start, ms);
      add(plan, long.amounts, start, upTo - done);
      done = upTo;
    }
    start = end;
  }
}

function add(plan: FinishPlan, sums: Map<number, number>, start: number, amount: number): void {
  if (start >= plan.steps.start(plan.from) && start < plan.to)
    sums.set(start, (sums.get(start) ?? 0) + amount);
}
