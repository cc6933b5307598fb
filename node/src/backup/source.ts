import type { ShardHash } from '../contract/index.ts';
import type { LogEntry } from '../log/port.ts';

/** What a copy of a shard gives next: a piece of it, or, in the end, which state it was. */
export type CopyStep = { slab: Uint8Array } | { position: number; hash: string };

export type SessionEntry = [key: string, value: Uint8Array];

/** What a backup reads: an appliance that runs, or a data directory that nobody has open. */
export interface BackupSource {
  bounds(): Promise<{ first: number; last: number }>;
  record(seq: number): Promise<Uint8Array | null>;
  /** To the one that is the newest when it is asked for. */
  records(from: number): AsyncIterable<LogEntry>;
  /** A shard's state at one position, at or past the given one where it still grows, whatever goes on meanwhile. */
  shard(shard: number, atLeast: number): AsyncIterable<CopyStep>;
  sessions(): AsyncIterable<SessionEntry>;
  verify(): Promise<ShardHash[]>;
  close(): Promise<void>;
}
