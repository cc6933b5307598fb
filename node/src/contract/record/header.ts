import { crc32 } from 'node:zlib';

/**
 * The first bytes of every record, never compressed, so that a reader of the log can look at one without unpacking it.
 *
 *      0  "WLR" and the version      16  sequence, float64
 *      4  compression of the body    24  wall time, float64
 *      5  flags                      32  bytes of the body as stored
 *      6  0, 0                       36  bytes of the body unpacked
 *      8  CRC-32 of all the rest     40  bytes of the packed columns, which follow the body
 *     12  readings                   44  body, packed columns
 *
 * All numbers are little-endian. Golden bytes in the test hold version 1 still.
 */
export const HEADER_BYTES = 44;
export const VERSION = 1;
export const COMPRESSION = Object.freeze({ none: 0, zstd: 1, deflate: 2 });

const MAGIC = 0x524c57;
const CRC_AT = 8;
const TRUSTED = 1;

export interface Header {
  seq: number;
  wallMs: number;
  clockTrusted: boolean;
  readings: number;
  compression: number;
  storedBytes: number;
  bodyBytes: number;
  packedBytes: number;
}

export type RecordFault =
  /** Shorter than its header says, or than a header. */
  | { fault: 'truncated' }
  /** Not a record at all, or not the bytes that were written. */
  | { fault: 'damaged' }
  /** Written by a newer Weir. */
  | { fault: 'version'; version: number };

export function writeHeader(record: Buffer, header: Header): void {
  record.writeUInt32LE(MAGIC | (VERSION << 24), 0);
  record[4] = header.compression;
  record[5] = header.clockTrusted ? TRUSTED : 0;
  record.writeUInt16LE(0, 6);
  record.writeUInt32LE(header.readings, 12);
  record.writeDoubleLE(header.seq, 16);
  record.writeDoubleLE(header.wallMs, 24);
  record.writeUInt32LE(header.storedBytes, 32);
  record.writeUInt32LE(header.bodyBytes, 36);
  record.writeUInt32LE(header.packedBytes, 40);
  record.writeUInt32LE(checksum(record), CRC_AT);
}

/** Without a look at the checksum or the body. */
export function readHeader(record: Buffer): Header | RecordFault {
  if (record.length < HEADER_BYTES) return { fault: 'truncated' };
  const magic = record.readUInt32LE(0);
  if ((magic & 0xffffff) !== MAGIC) return { fault: 'damaged' };
  if (magic >>> 24 !== VERSION) return { fault: 'version', version: magic >>> 24 };
  const header = {
    seq: record.readDoubleLE(16),
    wallMs: record.readDoubleLE(24),
    clockTrusted: (record[5] & TRUSTED) === TRUSTED,
    readings: record.readUInt32LE(12),
    compression: record[4],
    storedBytes: record.readUInt32LE(32),
    bodyBytes: record.readUInt32LE(36),
    packedBytes: record.readUInt32LE(40),
  };
  const length = HEADER_BYTES + header.storedBytes + header.packedBytes;
  if (record.length < length) return { fault: 'truncated' };
  return record.length > length ? { fault: 'damaged' } : header;
}

export function isIntact(record: Buffer): boolean {
  return record.readUInt32LE(CRC_AT) === checksum(record);
}

function checksum(record: Buffer): number {
  return crc32(record.subarray(CRC_AT + 4), crc32(record.subarray(0, CRC_AT)));
}
