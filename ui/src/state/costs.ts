import type { RollupAnswer } from '@weir/node/contract';

export interface PeriodCost {
  period: string;
  amount: number;
  /** Null where nothing of it has a price. */
  cost: number | null;
}

/** What a whole range costs. */
export interface RangeCost {
  /** Null where nothing has a price. */
  total: number | null;
  periods: PeriodCost[];
  /** Buckets of which a part has no price. */
  unpriced: number;
  /** Share of the cost. */
  estimated: number;
}

export function costsOf({ series }: RollupAnswer, measure: string): RangeCost {
  const periods = new Map<string, PeriodCost>();
  let total: number | null = null;
  let unpriced = 0;
  let guessed = 0;
  for (const one of series) {
    for (const [at, value] of (one.values[measure] ?? []).entries()) {
      if (value === null) unpriced++;
      else {
        total = (total ?? 0) + value;
        guessed += value * (one.quality?.estimated[measure]?.[at] ?? 0);
      }
    }
    for (const [period, { amount, cost }] of Object.entries(one.periods?.[measure] ?? {})) {
      const known = periods.get(period) ?? { period, amount: 0, cost: null };
      periods.set(period, known);
      known.amount += amount.reduce((sum, more) => sum + more, 0);
      for (const more of cost) if (more !== null) known.cost = (known.cost ?? 0) + more;
    }
  }
  return {
    total,
    periods: [...periods.values()].filter(({ amount }) => amount !== 0),
    unpriced,
    estimated: total === null || total === 0 ? 0 : guessed / total,
  };
}
