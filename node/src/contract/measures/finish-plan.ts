import type { MeasureSpec } from '../site/model.ts';
import type { Portions } from './cost.ts';
import type { Layout } from './layout.ts';
import type { Boundaries } from './merge.ts';

/** What it takes to turn the partials of one group into numbers. */
export interface FinishPlan {
  layout: Layout;
  /** Those to answer, of the rollup's. */
  measures: MeasureSpec[];
  /** Of the answer: the tier's, or a multiple's (`stepBoundaries`). */
  steps: Boundaries;
  /** Steps that each value covers, up to the end of its own; one when not told. */
  window?: number;
  from: number;
  to: number;
  /** Null while there is none: nothing is final. */
  watermark: number | null;
  latenessMs: number;
  /** How often a device usually reports, where the site file says so. */
  intervalMs?: number | null;
  /** Whether to tell how far the numbers are to be believed. */
  quality?: boolean;
  /** Whether to tell costs by period, too. */
  periods?: boolean;
}

/** Increase by the start of the step, by the register's lane. */
export type Increases = Map<number, Map<number, number>>;

/** What is worked out of the buckets as they are stored, before they are put into steps. */
export interface Amounts {
  increases: Increases;
  portions: Portions;
}
