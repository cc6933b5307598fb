import type { Slice } from '../contract/measures/slice.ts';

/**
 * What the engine asks of a store: sorted runs with a merge. A checkpoint writes one run of delta values for each
 * table and period that it touches; a read merges the values of all runs of an entry. Because every merge is
 * associative and exact, it does not matter how many runs there are or when the store folds them into one.
 */
export interface RunStore {
  /** The log position that the shard's stored state includes; 0 when it has none. */
  position(shard: number): number;
  checkpoint(shard: number, position: number): Checkpoint;
  /** A consistent view of what is committed now; checkpoints and folding of runs after it do not show. */
  view(shard: number): StoredView;
}

/** Everything is synchronous: the caller is a shard's thread, which does nothing else meanwhile. */
export interface RunView {
  /** Values of one entry, oldest run first. Empty when there is none. Throws WEIR_STORE_DAMAGED, never lies. */
  get(table: string, period: number, key: Uint8Array): Uint8Array[];
  /** Entries of a period in key order, each with its values, oldest run first. */
  scan(table: string, period: number): Iterable<{ key: Uint8Array; values: Uint8Array[] }>;
  /** Periods of the table that hold anything, ascending, between the bounds (inclusive). */
  periods(table: string, from: number, to: number): number[];
  close(): void;
}

export interface StoredView extends RunView {
  /** What `scan` answers, for who goes through a million entries: nothing is made for each. */
  entries(table: string, period: number): EntryCursor;
}

/** Stands before the first entry of a period. What it shows holds until it goes on. */
export interface EntryCursor {
  /** False at the end. */
  next(): boolean;
  readonly key: Slice;
  /** Oldest run first. */
  readonly values: readonly Slice[];
}

/** Written as the caller goes; visible, and the position moved, only after `commit`, all at once. */
export interface Checkpoint {
  /** Within one table and period keys come strictly ascending (bytewise); tables and periods come in any order. */
  put(table: string, period: number, key: Uint8Array, value: Uint8Array): void;
  /** Bytes that wait to be handed to the disk: at `CHECKPOINT_SLICE_BYTES` the caller awaits `flush`. */
  pendingBytes(): number;
  flush(): Promise<void>;
  commit(): Promise<void>;
  /** Leaves no trace; what was flushed is cleared. */
  abandon(): Promise<void>;
}

/** Merges an entry's values, oldest first, into one. Associative; a table is registered with its merge. */
export type MergeValues = (values: Uint8Array[]) => Uint8Array;

export const CHECKPOINT_SLICE_BYTES = 256 * 1024;
