import type { MeasureFn, MeasureSpec, RollupSpec, StreamSpec, TariffSpec } from '../site/model.ts';
import { type AccumulatorKind, COMMON_LANES, isSketch, KIND_LANES } from './kinds.ts';
import { quantileIn } from './quantile-fn.ts';

/** What one group-by of a rollup keeps in a bucket: the fewest accumulators from which its measures are finished. */
export interface Layout {
  accumulators: Accumulator[];
  kinds: AccumulatorKind[];
  /** Numbers a bucket, the common ones included. */
  lanes: number;
}

export interface Accumulator {
  kind: AccumulatorKind;
  field: string;
  decimals: number;
  /** Of registers: longer than this nothing is spread. */
  maxGapMs: number;
  /** And what lies in an interval longer than this is an estimate: more than three usual ones. */
  longMs: number;
  /** Place of the first of its lanes. */
  lane: number;
  /** Place among the sketches; −1 for what is none. */
  sketch: number;
  /** Of portions: whose periods they are kept by. */
  tariff?: TariffSpec;
}

/** Longer than this between two readings of a counter, nothing is spread: it all stands at the later reading. */
export const MAX_GAP_MS = 7 * 24 * 3_600_000;

/**
 * A register needs a group that is exactly one key. Any other group-by, also one of the key with something else, takes
 * shares: an interval belongs to the later reading's dimensions, and a segment that ends in another group would lose it.
 */
export function layoutOf(rollup: RollupSpec, groupBy: number, stream: StreamSpec): Layout {
  const by = rollup.groupBys[groupBy];
  const counterKind = by.length === 1 && by[0] === stream.keyField ? 'register' : 'share';
  const accumulators: Accumulator[] = [];
  let lane = COMMON_LANES;
  let sketches = 0;
  const longMs = longIntervalMs(rollup, stream);
  const add = (kind: AccumulatorKind, field: string) => {
    if (accumulators.some((one) => one.kind === kind && one.field === field)) return;
    const spec = stream.fields.find((one) => one.name === field);
    const maxGapMs = spec?.register?.maxGapMs ?? MAX_GAP_MS;
    const sketch = isSketch(kind) ? sketches++ : -1;
    const tariff = kind === 'portions' ? { tariff: spec?.tariff } : {};
    accumulators.push({
      kind,
      field,
      decimals: spec?.decimals ?? 0,
      maxGapMs,
      longMs,
      lane,
      sketch,
      ...tariff,
    });
    lane += KIND_LANES[kind];
  };
  for (const measure of rollup.measures)
    for (const kind of kindsFor(measure, counterKind)) add(kind, measure.field ?? '');
  for (const { kind, field } of [...accumulators]) if (kind === counterKind) add('quality', field);
  add('repeats', '');
  return { accumulators, kinds: accumulators.map((one) => one.kind), lanes: lane };
}

/** A device is silent when it leaves out three reports. Without a word about its interval, it is the finest bucket's. */
export function longIntervalMs(rollup: RollupSpec, stream: StreamSpec): number {
  return 3 * (stream.intervalMs ?? rollup.tiers[0].widthMs);
}

function kindsFor(measure: MeasureSpec, counterKind: 'register' | 'share'): AccumulatorKind[] {
  switch (measure.fn) {
    case 'count':
      return [];
    case 'sum':
    case 'mean':
      return ['present', 'sum'];
    case 'increase':
    case 'rate':
      return [counterKind];
    case 'cost':
      return [counterKind, 'portions'];
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return [measure.fn];
    case 'timeMean':
      return ['area', 'stood'];
    case 'stddev':
      return ['present', 'sum', 'squares'];
    case 'distinct':
      return ['uniques'];
    case 'top':
      return ['tops'];
    default:
      return quantileIn(measure.fn) === null ? [] : ['quantiles'];
  }
}

/** The measures, and those that expressions among them are made of. */
export function withOperands(measures: MeasureSpec[]): MeasureSpec[] {
  return measures.flatMap((one) =>
    one.expression === undefined ? [one] : [one, ...one.expression.operands],
  );
}

/** Functions that need the reading before: those of a field are kept in chains by key, and in the history. */
export function isChained(fn: MeasureFn): boolean {
  return fn === 'increase' || fn === 'rate' || fn === 'cost' || fn === 'timeMean';
}

export function findAccumulator(layout: Layout, kind: AccumulatorKind, field: string): Accumulator | null {
  return layout.accumulators.find((one) => one.kind === kind && one.field === field) ?? null;
}
