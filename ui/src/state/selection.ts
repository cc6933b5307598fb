import type { SiteAnswer } from '@weir/node/contract';
import type { View } from './hash.ts';
import type { Range } from './range.ts';

export type Rollup = SiteAnswer['rollups'][number];
export type Measure = Rollup['measures'][number];

/** The view as the site can answer it: every name in it exists. */
export interface Selection {
  rollup: Rollup;
  measure: Measure;
  by: string | null;
  filter: { field: string; value: string } | null;
  range: Range;
  latenessMs: number;
}

/** Fields that a rollup keeps by themselves, which are those that the page can split or filter by. */
export function splittable(rollup: Rollup): string[] {
  return rollup.groupBys.filter((group) => group.length === 1).map((group) => group[0]);
}

/** Null when the site has no rollup to show. Unknown names fall back, since a link may be older than the site file. */
export function select(site: SiteAnswer, view: View): Selection | null {
  const rollup = site.rollups.find((one) => one.name === view.rollup) ?? site.rollups[0];
  const measures = rollup?.measures.filter(isCharted) ?? [];
  if (!rollup || measures.length === 0) return null;
  const fields = splittable(rollup);
  const filter =
    view.filter && rollup.groupBys.some((group) => group.includes(view.filter!.field)) ? view.filter : null;
  return {
    rollup,
    measure: measures.find((one) => one.name === view.measure) ?? measures[0],
    by: !filter && view.by !== null && fields.includes(view.by) ? view.by : null,
    filter,
    range: view.range,
    latenessMs: site.streams.find((one) => one.name === rollup.stream)?.latenessMs ?? 0,
  };
}

export const keyFieldOf = (site: SiteAnswer, rollup: Rollup): string | null =>
  site.streams.find((one) => one.name === rollup.stream)?.keyField ?? null;

/** A rollup is called as its stream where that is clear: people look for electricity, not for its rollup. */
export function titleOf(site: SiteAnswer, rollup: Rollup): string {
  const siblings = site.rollups.filter((one) => one.stream === rollup.stream);
  return capital(siblings.length === 1 ? rollup.stream : rollup.name);
}

export const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** Buckets of these grow while they fill, so one that is not over yet says less than it will. */
export const isAdditive = (fn: string): boolean =>
  fn === 'count' || fn === 'sum' || fn === 'increase' || fn === 'cost';

/** Of these a part may be estimated. */
export const isOfRegister = (fn: string): boolean => fn === 'increase' || fn === 'rate' || fn === 'cost';

const FN_WORDS: Record<string, (field: string) => string> = {
  count: () => 'number of readings',
  sum: (field) => `sum of ${field}`,
  mean: (field) => `mean of ${field}`,
  min: (field) => `least ${field}`,
  max: (field) => `greatest ${field}`,
  first: (field) => `first ${field}`,
  last: (field) => `last ${field}`,
  increase: (field) => `increase of ${field}`,
  rate: (field) => `rate of ${field}`,
  cost: (field) => `cost of ${field}`,
  timeMean: (field) => `mean of ${field}, weighed by time`,
  stddev: (field) => `standard deviation of ${field}`,
  distinct: (field) => `different values of ${field}`,
  top: (field) => `most frequent ${field}`,
};

/** The cost of the field that is charted, else the first that the rollup has. */
export function costMeasure({ rollup, measure }: Selection): Measure | null {
  const costs = rollup.measures.filter((one) => one.fn === 'cost');
  return costs.find((one) => one.field === measure.field) ?? costs[0] ?? null;
}

/** A list is no line of a chart; it is shown beside it, as a ranking. */
export const isCharted = (measure: Measure): boolean => measure.fn !== 'top';

const quantileWords = (fn: string, field: string): string | null => {
  const digits = /^p([0-9]+)$/.exec(fn)?.[1];
  return digits === undefined ? null : `${Number(`0.${digits}`) * 100} % of ${field} are below`;
};

export const inWords = (measure: Measure): string =>
  measure.expression?.text ??
  FN_WORDS[measure.fn]?.(measure.field ?? measure.name) ??
  quantileWords(measure.fn, measure.field ?? measure.name) ??
  `${measure.fn} of ${measure.field ?? measure.name}`;
