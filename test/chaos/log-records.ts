import { encodeRecord, type LogRecord } from '@weir/node/contract';
import { sampleRecord } from '../../node/src/log/sample-records.ts';

/** Records that follow from their sequence alone, of 1 to 3,000 readings, so that each can be checked byte by byte. */
export function chaosRecord(seq: number): LogRecord {
  const keys = Array.from(
    { length: 1 + ((seq * 7919) % 3000) },
    (_, at) => `meter-${(seq * 31 + at * 17) % 5000}`,
  );
  return sampleRecord(seq, { keys: [...new Set(keys)] });
}

export function chaosBytes(seq: number): Uint8Array {
  return encodeRecord(chaosRecord(seq));
}

/** Small segments, so that a few seconds see them made, sealed and forgotten. */
export const CHAOS_LOG = {
  segmentBytes: 6 * 1024 * 1024,
  ballastBytes: 0,
  keepBytes: 24 * 1024 * 1024,
};
