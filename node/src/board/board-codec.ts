import { decodeRecord, encodeRecord, isIntact, readHeader } from '../contract/index.ts';
import type { RecordCodec } from '../log/record-codec.ts';

/** How the log of a board reads and checks its records. */
export const boardCodec: RecordCodec = {
  encode: encodeRecord,
  check: (bytes) => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const header = readHeader(buffer);
    return 'fault' in header || !isIntact(buffer) ? null : header.seq;
  },
  decode: (bytes) => {
    const record = decodeRecord(bytes);
    return 'fault' in record ? null : record;
  },
};
