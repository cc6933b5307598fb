import type { Replay, Site } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import type { TableDrop } from '../shard/retention-drops.ts';

/** What the jobs know of the site. */
export type JobSite = Pick<Site, 'timezone' | 'streams' | 'rollups' | 'retention'>;

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
  log: Pick<CommitLog, 'bounds' | 'forget' | 'get' | 'scrub'>;
  /** Reads a span of event time again, corrects what differs, and keeps the report. */
  reconcile(from: number, to: number): Promise<Replay>;
  /** Archives raw up to a record, and answers up to where it is archived; null where there is no archive. */
  archive: ((toSeq: number) => Promise<number>) | null;
  /** Archives buckets that are about to be dropped, and answers which may be; absent where there is no archive. */
  archiveTiers?: (drops: TableDrop[]) => Promise<TableDrop[]>;
  report(outcome: JobOutcome): void;
}

export interface JobOutcome {
  job: JobName;
  outcome: 'done' | 'left' | 'damage' | 'failed';
  message: string;
  cause?: unknown;
}

export const JOBS = ['retention', 'reconcile', 'tidy', 'scrub'] as const;
export type JobName = (typeof JOBS)[number];
