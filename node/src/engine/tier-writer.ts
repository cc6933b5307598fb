import { tierBoundaries } from '../contract/measures/boundaries.ts';
import { type Buckets, newBuckets } from '../contract/measures/buckets.ts';
import { encodeChunk } from '../contract/measures/chunk.ts';
import { type Boundaries, coarsenInto } from '../contract/measures/merge.ts';
import { chunkSpanMs, periodOf, TABLES } from '../contract/measures/tables.ts';
import type { RollupSpec } from '../contract/site/model.ts';
import type { Checkpoint } from './run-store.ts';

interface Tier {
  table: string;
  spanMs: number;
  boundaries: Boundaries;
  /** Buckets that end here or before are kept no longer. */
  keptAfterMs: number;
  wide: Buckets;
}

/** Writes the buckets of one group after the other into every tier that still keeps them. */
export class TierWriter {
  readonly #tiers: Tier[];
  readonly #to: Checkpoint;
  /** Of what was written since it was last set to zero: puts, and every fourth bucket. */
  cost = 0;

  constructor(
    to: Checkpoint,
    rollup: RollupSpec,
    groupBy: number,
    kinds: Buckets['kinds'],
    timezone: string,
    watermark: number,
  ) {
    this.#to = to;
    this.#tiers = rollup.tiers.map((tier) => ({
      table: TABLES.buckets(rollup.name, rollup.groupBys[groupBy], tier.name),
      spanMs: chunkSpanMs(tier.widthMs),
      boundaries: tierBoundaries(timezone, tier.widthMs),
      keptAfterMs: watermark - tier.keepMs,
      wide: newBuckets(kinds, 16),
    }));
  }

  /** `finest` holds buckets of the first tier. Coarser ones are made of those one tier finer. */
  write(key: Uint8Array, finest: Buckets): void {
    let fine = finest;
    for (let at = 0; at < this.#tiers.length; at++) {
      const tier = this.#tiers[at];
      if (at > 0) {
        if (tier.wide.starts.length < fine.n) tier.wide = newBuckets(fine.kinds, fine.n * 2);
        coarsenInto(tier.wide, fine, tier.boundaries);
        fine = tier.wide;
      }
      this.#put(tier, key, fine);
    }
  }

  #put(tier: Tier, key: Uint8Array, buckets: Buckets): void {
    let from = 0;
    while (from < buckets.n && tier.boundaries.end(buckets.starts[from]) <= tier.keptAfterMs) from++;
    while (from < buckets.n) {
      const period = periodOf(buckets.starts[from], tier.spanMs);
      let to = from + 1;
      while (to < buckets.n && buckets.starts[to] < (period + 1) * tier.spanMs) to++;
      const value = encodeChunk(buckets, from, to);
      this.#to.put(tier.table, period, key, value);
      this.cost += 1 + (to - from) / 4;
      // What sketches cost goes by their size: a large one is as much work as fifty buckets of numbers.
      if (buckets.sketches.length > 0) this.cost += value.length / 256;
      from = to;
    }
  }
}
