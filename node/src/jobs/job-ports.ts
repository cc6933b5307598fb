import type { Site } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';

/** What the jobs know of the site. */
export type JobSite = Pick<Site, 'timezone' | 'streams' | 'rollups' | 'retention'>;

/** Periods of a table that end before anything that is still kept. */
export interface TableDrop {
  table: string;
  beforePeriod: number;
}

/** What the jobs ask of the board. The board lends them its clock, its threads and its log. */
export interface JobPorts {
  clock: {
    nowMs(): number;
    monotonicMs(): number;
    trusted(): boolean;
  };
  shards: {
    /** Takes the periods out of every shard's store. */
    retain(drops: TableDrop[]): Promise<void>;
    /** Folds what has several runs to one, and gives room of dropped runs back. */
    tidy(): Promise<void>;
    /** Reads everything; answers what is damaged, in words. */
    scrub(): Promise<string[]>;
    /** The log position that all shards have in their stores. */
    leastCheckpointed(): number;
  };
  log: Pick<CommitLog, 'forget' | 'get' | 'scrub'>;
  report(outcome: JobOutcome): void;
}

export interface JobOutcome {
  job: JobName;
  outcome: 'done' | 'left' | 'damage' | 'failed';
  message: string;
  cause?: unknown;
}

export const JOBS = ['retention', 'tidy', 'scrub'] as const;
export type JobName = (typeof JOBS)[number];
