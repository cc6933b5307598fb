import type { Site, TierDifference } from '../contract/index.ts';
import type { StreamShift } from '../contract/measures/shift.ts';
import type { Since } from '../engine/unknown-intervals.ts';
import type { ArchivedRun } from './archive-messages.ts';

/**
 * A shadow is the store of a replay: the tables of some rollups, made anew from the log beside those that are served.
 * Shard threads write what it begins with, and compare it with what is stored; a thread of its own fills it.
 */

/** Event time that a replay makes anew; null is without end. */
export interface ShadowSpan {
  from: number | null;
  to: number | null;
}

export interface ShadowPlan {
  rollups: string[];
  span: ShadowSpan;
  storeDir: string;
}

export interface SeedQuestion {
  storeDir: string;
  streams: string[];
  /** Event time from which the shadow has every reading. */
  since: number;
  /** By stream, the place of each counter's boot among what the shadow's history keeps, or −1. */
  boots: Record<string, number[]>;
  /** Of streams that the shadow keeps in another shape than what is stored. */
  shifts: Record<string, StreamShift>;
  /** The shadow begins before this record. */
  fromSeq: number;
  /** The newest time of a trusted clock before that; null: none is known. */
  watermark: number | null;
}

/**
 * Where a register's last reading before what the shadow has is known to nobody any more, what flowed up to its first one
 * cannot be made anew. Per stream, the first moment after all such intervals.
 */
export type KnownFrom = Record<string, number>;

export interface PinQuestion {
  /** Stores are to include the log up to here. */
  minSeq: number;
}

export interface CompareQuestion extends ShadowPlan {
  knownFrom: KnownFrom;
  /** Retention goes by wall time: what it may have dropped is left out. */
  nowMs: number;
  apply: boolean;
}

export interface CompareAnswer {
  tiers: TierDifference[];
}

export interface ReplaySetup {
  kind: 'replay';
  site: Site;
  rollups: string[];
  storeDir: string;
  stores: readonly number[];
  /** A checkpoint is made after so many readings. */
  checkpointReadings: number;
  /** Readings of before are left out; null takes all. */
  since: Since | null;
  /** Nobody is served before it is done: it does not stand back for others. */
  urgent?: boolean;
}

export interface TakeQuestion {
  entries: { seq: number; bytes: Uint8Array }[];
  /** By shard, the last record to be applied to it; null: all. */
  until: [shard: number, seq: number][] | null;
}

/** Some more of a run of the archive, from where the last call ended. */
export interface ArchivedQuestion {
  run: ArchivedRun;
  /** What a tier does not keep any more by this time is not kept in the shadow either. */
  nowMs: number;
}

export interface ArchivedAnswer extends TakeAnswer {
  seq: number;
  /** The shadow has all of the run. */
  done: boolean;
}

export interface TakeAnswer {
  readings: number;
  /** Up to here the shadow has everything for good. */
  kept: number;
}
