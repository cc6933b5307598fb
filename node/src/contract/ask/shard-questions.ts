import type { LedgerQuestion } from '../api/questions.ts';
import type { KnownSwap } from '../measures/swaps-entry.ts';

/** Questions to the shards of one thread, after planning: names are resolved to places in the site. */

export interface DimensionFilter {
  /** Place in the group-by. */
  dim: number;
  values: string[];
}

export interface ShardScope {
  /** Shards to ask; null asks all of the thread. */
  shards: number[] | null;
  /** The answer must include the log up to here: read your writes. */
  minSeq: number;
}

export interface ShardReadQuestion extends ShardScope {
  rollup: string;
  groupBy: number;
  tier: number;
  from: number;
  to: number;
  where: DimensionFilter[];
  maxGroups: number;
  /** Also the nearest bucket before and after, which interpolated registers need. */
  edges: boolean;
  /** Also buckets past what the tier keeps, as long as they are there: an archive asks before they are dropped. */
  forgotten?: boolean;
}

export interface ShardPeriodsQuestion {
  table: string;
  /** Periods before this one. */
  before: number;
}

/** One entry a group: its dimensions and the encoded chunk of its buckets. */
export interface ShardParts {
  groups: (string | null)[][];
  chunks: Uint8Array[];
  truncated: boolean;
  /** The least of the shards asked; null while none has seen a reading or a trusted tick. */
  watermark: number | null;
}

export interface ShardTopQuestion extends ShardScope {
  rollup: string;
  groupBy: number;
  tier: number;
  measure: string;
  k: number;
  from: number;
  to: number;
  where: DimensionFilter[];
}

/** `ranked` where the group-by holds the key, so that a group lives in one shard; else partials to merge first. */
export interface ShardTopAnswer {
  ranked: { group: (string | null)[]; value: number }[];
  parts: ShardParts | null;
}

export type ShardLedgerQuestion = LedgerQuestion & ShardScope;

export interface ShardStats {
  shard: number;
  thread: number;
  applied: number;
  checkpointed: number;
  keys: number;
  memoryBytes: number;
  state: 'replaying' | 'serving' | 'damaged';
}

/** Of everything that a shard knows after the record at `position`. */
export interface ShardHash {
  shard: number;
  position: number;
  hash: string;
}

/** A swap of a register, and whose. */
export type ShardSwap = KnownSwap & { stream: string; meter: string; heard: boolean };

/** Event-time ranges whose buckets changed, pushed to whoever asked to `watch`, at most every 200 ms. */
export interface ChangedRange {
  rollup: string;
  from: number;
  to: number;
}
