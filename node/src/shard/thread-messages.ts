import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode, Site } from '../contract/index.ts';

/** What the board tells a shard's thread, and what comes back. */

export interface ThreadSetup {
  kind: 'shards';
  thread: number;
  site: Site;
  /** Stores this thread owns; shard s lives in store s % STORES. */
  stores: readonly number[];
  storeDir: string;
  progress: SharedArrayBuffer;
  checkpoint: CheckpointPolicy;
}

/** A checkpoint is due after so many readings (replay is bounded by it) or so much time, or when memory is heavy. */
export interface CheckpointPolicy {
  readings: number;
  everyMs: number;
}

export type ToThread =
  /** Encoded as in the log, live as in replay: the thread decodes the sections of its own shards. */
  | { kind: 'record'; seq: number; bytes: Uint8Array }
  | { kind: 'live' }
  | { kind: 'connect'; port: MessagePort }
  | { kind: 'checkpoint' }
  /** How often checkpoints are made from now on. */
  | { kind: 'checkpoint-every'; everyMs: number }
  /** Work of a job; answered by `job-done`. */
  | { kind: 'job'; job: ShardJob }
  | { kind: 'close' };

export type ShardJob = { job: 'retain'; drops: RetentionDrop[] } | { job: 'tidy' } | { job: 'scrub' };

/** Periods of a table that no tier keeps any more. */
export interface RetentionDrop {
  table: string;
  beforePeriod: number;
}

export type FromThread =
  /** Replay starts after the least of the positions; a rebuilt shard starts at 0. */
  | { kind: 'opened'; positions: [shard: number, seq: number][]; rebuilt: number[] }
  /** Sent for every record while the thread catches up: the window of what is under way moves with it. */
  | { kind: 'applied'; seq: number }
  | { kind: 'checkpointed'; least: number }
  | { kind: 'trouble'; code: string; message: string }
  | { kind: 'job-done'; damaged: string[]; fault: string | null }
  /** Why the thread is about to end: an error that crosses threads by itself loses its code. */
  | { kind: 'failed'; code: ErrorCode; message: string }
  | { kind: 'closed' };

export const STORES = 4;
export const ALL_STORES: readonly number[] = Array.from({ length: STORES }, (_, store) => store);
