import type { Buckets } from '../contract/measures/buckets.ts';
import { FIRST_V } from '../contract/measures/kinds.ts';

/**
 * Registers that a range still lacks a neighbour for on one of its sides. The nearest bucket need not have one: a reading
 * may lack the field, and a gauge stands in buckets without any reading.
 */
export class Lenders {
  readonly #lanes: Set<number>;

  constructor(registerLanes: number[]) {
    this.#lanes = new Set(registerLanes);
  }

  get missing(): boolean {
    return this.#lanes.size > 0;
  }

  /** What the bucket has of them is lent. */
  take(buckets: Buckets, at: number): void {
    for (const lane of this.#lanes)
      if (!Number.isNaN(buckets.lanes[lane + FIRST_V][at])) this.#lanes.delete(lane);
  }
}
