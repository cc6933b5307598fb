import { crc32 } from 'node:zlib';

/**
 * Every value of the store: version, CRC-32 of its key and payload, payload. The key is covered so that a value
 * under a damaged key, or one that LevelDB found in the wrong place, is never taken for the one asked for.
 */
const VERSION = 1;
const HEADER_BYTES = 5;

export function seal(key: Uint8Array, payload: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  value[0] = VERSION;
  value.writeUInt32LE(crc32(payload, crc32(key)), 1);
  value.set(payload, HEADER_BYTES);
  return value;
}

/** The payload, or null when the value is missing, of another version or damaged. */
export function unseal(key: Uint8Array, value: Uint8Array | undefined): Buffer | null {
  if (value === undefined || value.length < HEADER_BYTES || value[0] !== VERSION) return null;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const payload = bytes.subarray(HEADER_BYTES);
  return bytes.readUInt32LE(1) === crc32(payload, crc32(key)) ? payload : null;
}
