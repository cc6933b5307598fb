import type { LogRecord } from '../contract/index.ts';

/** What a log needs to know about the bytes of a record: tests can put a small format in place of the real one. */
export interface RecordCodec {
  encode(record: LogRecord): Uint8Array;
  /** The sequence inside the bytes, or null when their checksum fails: a record proves itself. */
  check(bytes: Uint8Array): number | null;
  /** Null when the bytes are not a sound record. */
  decode(bytes: Uint8Array): LogRecord | null;
  /** Sound records in bytes of any kind, such as a file whose own structure is broken; absent: the contract's way. */
  carve?(bytes: Uint8Array): Iterable<{ seq: number; bytes: Uint8Array }>;
}
