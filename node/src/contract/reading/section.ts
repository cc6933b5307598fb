/**
 * Readings in columns. A group commit holds one section for each shard and stream that it touches; a section
 * crosses to the shard's thread as plain typed arrays, and stands in the log as the bytes of `record/`.
 */

/** The columns of a stream as the log's record names them, so that old records stay readable after an edit. */
export interface StreamLayout {
  stream: string;
  fields: { name: string; kind: ColumnKind; decimals: number }[];
}

export type ColumnKind = 'number' | 'text';

/** Numbers are integers scaled by the field's decimals (bools 0 and 1); NaN stands for an absent value. */
export interface NumberColumn {
  kind: 'number';
  values: Float64Array;
}

/** `index[row]` is 1 + the position in `dictionary`; 0 stands for an absent value. */
export interface TextColumn {
  kind: 'text';
  dictionary: string[];
  index: Uint32Array;
}

export type Column = NumberColumn | TextColumn;

/** Its arrays may lie over one buffer, which other sections of the record may share. */
export interface Section {
  shard: number;
  /** Position in the record's `layouts`. */
  layout: number;
  rows: number;
  /** Event times, epoch milliseconds. */
  times: Float64Array;
  /** Row → key; key k is `keyBytes[keyEnds[k-1] .. keyEnds[k]]` in UTF-8, with its `keyHash`. */
  keyIndex: Uint32Array;
  keyBytes: Uint8Array;
  keyEnds: Uint32Array;
  keyHashes: Uint32Array;
  /** One column a field of the layout, in its order. */
  columns: Column[];
}

/** A message that was set aside before it became readings. It is logged, so that it is as safe as a reading. */
export interface SetAside {
  stream: string;
  reason: QuarantineReason;
  topic: string;
  /** At most `LIMITS.quarantinePayloadBytes`; `payloadBytes` is what came. */
  payload: Uint8Array;
  payloadBytes: number;
}

/** `held` is none of them for good: see `held.ts`. */
export type QuarantineReason = 'malformed' | 'impossible' | 'conflict' | 'clock' | 'unknown' | 'held';

/** What one group commit holds. `seq` is contiguous over the whole log. */
export interface LogRecord {
  seq: number;
  /** The board's clock at the commit, epoch milliseconds: the tick of the engine. */
  wallMs: number;
  clockTrusted: boolean;
  layouts: StreamLayout[];
  sections: Section[];
  setAside: SetAside[];
}
