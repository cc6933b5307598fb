import type { LogRecord } from '../contract/index.ts';

/**
 * The commit log. Two implementations answer to one contract suite: the embedded one on a single board, the
 * replicated one on several. A position is a sequence number; sequences are contiguous from `first` to `last`.
 */
export interface CommitLog {
  /**
   * Makes the record durable, then resolves with its encoded bytes. `record.seq` must be one more than that of the
   * append before it; up to `LOG_IN_FLIGHT` appends may be under way and they become durable in order, never a later
   * one without an earlier.
   * A rejection means that the record is not in the log and its sequence is free again; the appends behind it are
   * rejected with it. It carries a code: WEIR_LOG_FULL (no space: try again later), WEIR_LOG_FENCED (the sequence is
   * not the next one: another writer, or an append before it was rejected), WEIR_LOG_UNAVAILABLE (fsync failed).
   * One thing is left open: a crash before the log has recovered from the fault may bring a rejected record back, as
   * a crash between fsync and acknowledgement does. Its readings then count once, because they are sent again with
   * the same ids. There are never two records of one sequence.
   */
  append(record: LogRecord): Promise<Uint8Array>;
  /** Sequence of the oldest record that is kept, and of the newest durable one; `last = first - 1` when empty. */
  bounds(): { first: number; last: number };
  /**
   * Encoded records from `seq` on, in order, to the one that was newest when the first was asked for. A record whose
   * checksum fails comes as `{ seq, bytes: null }`: it is reported, never served, never skipped in silence.
   */
  read(fromSeq: number): AsyncIterable<LogEntry>;
  get(seq: number): Promise<LogEntry | null>;
  /** Sequences of records that may hold a reading of the time range (and of the key, if given), ascending. */
  find(query: LogFind): Promise<number[]>;
  /** Unlinks sealed segments past age or bytes, never one at or after `keepFromSeq`. Answers what it freed. */
  forget(bound: {
    olderThanWallMs: number | null;
    maxBytes: number;
    keepFromSeq: number;
  }): Promise<{ segments: number; bytes: number }>;
  stats(): LogStats;
  /** Reads everything and checks it; answers the damaged sequences. */
  scrub(progress?: (done: number, of: number) => void): Promise<number[]>;
  close(): Promise<void>;
}

export interface LogEntry {
  seq: number;
  bytes: Uint8Array | null;
}

export interface LogFind {
  stream: string;
  from: number;
  to: number;
  keyHash: number | null;
  order: 'asc' | 'desc';
  limit: number;
}

export interface LogStats {
  segments: number;
  bytes: number;
  appendedRecords: number;
  appendedBytes: number;
  fsyncMsP99: number;
  state: 'ok' | 'full' | 'failed';
}

export const LOG_IN_FLIGHT = 2;
