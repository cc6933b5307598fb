/**
 * Keys of a segment. A record is stored under its sequence, 8 bytes big-endian; what a segment says about its records
 * (the index) under the sequence of the record that it was written with, and a suffix. So keys only ever ascend,
 * table files never overlap, and LevelDB has nothing to compact: each byte is written to the write-ahead log and to
 * one table, and never again.
 */
export const RECORD_KEY_BYTES = 8;

export function recordKey(seq: number): Uint8Array {
  const key = new Uint8Array(RECORD_KEY_BYTES);
  writeSeq(key, seq);
  return key;
}

export function isRecordKey(key: Uint8Array): boolean {
  return key.length === RECORD_KEY_BYTES;
}

export function seqOfKey(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
}

/** Parts of one piece of index, `part` ascending. */
export function indexKey(seq: number, part: number): Uint8Array {
  const key = new Uint8Array(RECORD_KEY_BYTES + 3);
  writeSeq(key, seq);
  key[RECORD_KEY_BYTES] = 1;
  key[RECORD_KEY_BYTES + 1] = part >>> 8;
  key[RECORD_KEY_BYTES + 2] = part & 0xff;
  return key;
}

function writeSeq(key: Uint8Array, seq: number): void {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  view.setUint32(0, Math.floor(seq / 2 ** 32));
  view.setUint32(4, seq >>> 0);
}
