/** Questions after parsing: times are epoch ms, names are known to exist in the site or answered with a fault. */

export type Where = Record<string, string[]>;

export interface RollupQuestion {
  rollup: string;
  from: number;
  to: number;
  /** Width in ms, or 'auto': the finest that keeps an answer under about 500 buckets a series. */
  step: number | 'auto';
  by: string[];
  where: Where;
  /** Empty: all of the rollup. */
  measures: string[];
  /** Series, not buckets. */
  limit: number;
  /** Whether to tell how far the numbers are to be believed. */
  quality?: boolean;
  /** Whether to tell costs by period, too. */
  periods?: boolean;
}

export interface TopQuestion {
  rollup: string;
  measure: string;
  k: number;
  from: number;
  to: number;
  /** Empty: the first group-by that is not `[]`. */
  by: string[];
  where: Where;
}

export interface EventsQuestion {
  stream: string;
  from: number;
  to: number;
  where: Where;
  limit: number;
  order: 'asc' | 'desc';
}

export interface LedgerQuestion {
  stream: string | null;
  from: number;
  to: number;
}

export interface QuarantineQuestion {
  stream: string | null;
  limit: number;
}

export interface LiveQuestion {
  rollup: string;
  by: string[];
  where: Where;
  measures: string[];
  /** Tier by width in ms, or 'auto': the finest. */
  step: number | 'auto';
  quality?: boolean;
}
