import { carveRecords, decodeRecord, encodeRecord, isIntact, readHeader } from '../contract/index.ts';
import type { RecordCodec } from './record-codec.ts';

/** The records of the contract, as a log sees them. */
export const contractCodec: Required<RecordCodec> = {
  encode: encodeRecord,
  check(bytes) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const header = readHeader(buffer);
    return 'fault' in header || !isIntact(buffer) ? null : header.seq;
  },
  decode(bytes) {
    const record = decodeRecord(bytes);
    return 'fault' in record ? null : record;
  },
  carve: carveRecords,
};
