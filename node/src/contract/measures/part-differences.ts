import type { PartsAnswer, RollupAnswer, Series } from '../api/answers.ts';
import type { MeasureSpec, RollupSpec, StreamSpec } from '../site/model.ts';

/** Measures of which a whole is the sum of its parts. */
export function addsUp({ fn }: MeasureSpec): boolean {
  return fn === 'increase' || fn === 'sum' || fn === 'count' || fn === 'cost';
}

/** Digits after the point with which a finished value is a whole number again. */
function exactDecimals({ fn, field }: MeasureSpec, stream: StreamSpec): number {
  const spec = stream.fields.find(({ name }) => name === field);
  if (fn !== 'cost') return spec?.decimals ?? 0;
  const places = spec?.tariff?.prices.flatMap(({ of }) => of.map((price) => price.places)) ?? [];
  return (spec?.decimals ?? 0) + Math.max(0, ...places);
}

type Parent = PartsAnswer['parents'][number];

/**
 * What each parent counted, its parts together, and the difference: losses, or what has no meter. Worked out in
 * whole numbers. A part that was silent in a step is named there, and the difference then says so; a parent without a value has no
 * difference. `answer` has one series for each meter, with its quality.
 */
export function partDifferences(
  answer: RollupAnswer,
  parts: NonNullable<RollupSpec['parts']>,
  measures: MeasureSpec[],
  stream: StreamSpec,
): PartsAnswer {
  const byMeter = new Map(answer.series.map((series) => [series.by[stream.keyField], series]));
  const { series: _, truncated: __, ...rest } = answer;
  return {
    ...rest,
    parents: parts.map(({ parent, of }) =>
      differenceOf(parent, of, (meter) => byMeter.get(meter) ?? null, measures, stream),
    ),
  };
}

function differenceOf(
  parent: string,
  parts: string[],
  seriesOf: (meter: string) => Series | null,
  measures: MeasureSpec[],
  stream: StreamSpec,
): Parent {
  const meters = [parent, ...parts].map((name) => new Meter(name, seriesOf(name)));
  const time = [...new Set(meters.flatMap((meter) => meter.times))].sort((a, b) => a - b);
  const answer: Parent = {
    parent,
    parts,
    time,
    whole: {},
    sum: {},
    difference: {},
    estimated: {},
    missing: [],
    partial: [],
    coverage: [],
    final: [],
    revision: [],
  };
  for (const start of time) {
    const places = meters.map((meter) => meter.placeOf(start));
    const there = meters.filter((_, at) => places[at] >= 0);
    const missing = meters.filter((meter) => meter.isSilent(start, meters[0])).map(({ name }) => name);
    const coverages = there.map((meter) => meter.coverage(start)).filter((share) => share !== null);
    answer.missing.push(missing);
    answer.partial.push(missing.length > 0);
    answer.coverage.push(coverages.length === 0 ? null : Math.min(...coverages));
    answer.final.push(there.every((meter) => meter.series!.final[meter.placeOf(start)]));
    answer.revision.push(there.reduce((sum, meter) => sum + meter.series!.revision[meter.placeOf(start)], 0));
  }
  for (const measure of measures) addColumns(answer, measure, meters, 10 ** exactDecimals(measure, stream));
  return answer;
}

function addColumns(answer: Parent, { name }: MeasureSpec, [whole, ...parts]: Meter[], scale: number): void {
  const columns = { whole: [], sum: [], difference: [], estimated: [] } as Record<string, (number | null)[]>;
  for (const start of answer.time) {
    const own = whole.value(name, start);
    const others = parts.map((part) => part.value(name, start)).filter((value) => value !== null);
    const total =
      others.length === 0 ? null : others.reduce((sum, value) => sum + Math.round(value * scale), 0);
    columns.whole.push(own);
    columns.sum.push(total === null ? null : total / scale);
    // Of parts that are all silent nothing is known, and their difference would be all of it.
    columns.difference.push(
      own === null || total === null ? null : (Math.round(own * scale) - total) / scale,
    );
    columns.estimated.push(estimatedOf(name, start, [whole, ...parts]));
  }
  answer.whole[name] = columns.whole;
  answer.sum[name] = columns.sum;
  answer.difference[name] = columns.difference;
  answer.estimated[name] = columns.estimated;
}

/** Of the whole and of its parts together. */
function estimatedOf(measure: string, start: number, meters: Meter[]): number | null {
  let part = 0;
  let all = 0;
  for (const meter of meters) {
    const value = Math.abs(meter.value(measure, start) ?? 0);
    all += value;
    part += value * (meter.estimated(measure, start) ?? 0);
  }
  return all === 0 ? null : part / all;
}

/** The series of one meter, found by time. */
class Meter {
  readonly name: string;
  readonly series: Series | null;
  readonly #places: Map<number, number>;

  constructor(name: string, series: Series | null) {
    this.name = name;
    this.series = series;
    this.#places = new Map(series?.time.map((start, at) => [start, at]));
  }

  get times(): number[] {
    return this.series?.time ?? [];
  }

  placeOf(start: number): number {
    return this.#places.get(start) ?? -1;
  }

  value(measure: string, start: number): number | null {
    return this.series?.values[measure]?.[this.placeOf(start)] ?? null;
  }

  estimated(measure: string, start: number): number | null {
    return this.series?.quality?.estimated[measure]?.[this.placeOf(start)] ?? null;
  }

  /**
   * Without a value, or heard for less than half of the time for which the whole was. What lies in a gap is estimated and
   * there, so it is not missing.
   */
  isSilent(start: number, whole: Meter): boolean {
    const at = this.placeOf(start);
    if (at < 0) return true;
    const own = this.coverage(start);
    const most = whole.coverage(start);
    const estimated = Object.values(this.series?.quality?.estimated ?? {}).some((shares) => shares[at] !== 0);
    return own !== null && most !== null && own < most / 2 && !estimated;
  }

  coverage(start: number): number | null {
    return this.series?.quality?.coverage[this.placeOf(start)] ?? null;
  }
}
