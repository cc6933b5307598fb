import { HEADER_BYTES, isIntact, readHeader } from './header.ts';

const MAGIC = Buffer.from('WLR');

/** Sound records in bytes of any kind, such as a file whose own structure is broken: a record proves itself. */
export function* carveRecords(bytes: Uint8Array): Generator<{ seq: number; bytes: Uint8Array }> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = buffer.indexOf(MAGIC);
  while (at >= 0 && at + HEADER_BYTES <= buffer.length) {
    const end = at + HEADER_BYTES + buffer.readUInt32LE(at + 32) + buffer.readUInt32LE(at + 40);
    const record = buffer.subarray(at, Math.min(end, buffer.length));
    const header = readHeader(record);
    const sound = !('fault' in header) && isIntact(record);
    if (sound) yield { seq: header.seq, bytes: record };
    at = buffer.indexOf(MAGIC, sound ? end : at + 1);
  }
}
