import zlib from 'node:zlib';

const VERSION = 1;
const DEFLATE = 1;
const ZSTD = 2;
const HEAD_BYTES = 7;

/** What a value of the index is for: none is taken for another. */
export const KIND = Object.freeze({ head: 1, chunk: 2, seal: 3 });

/** A value of the index as it stands on the disk: CRC-32, version, kind, compression, payload. */
export function sealValue(kind: number, payload: Uint8Array): Uint8Array {
  // Node 20, which is the newest on 32-bit ARM, has no zstd.
  const zstd = typeof zlib.zstdCompressSync === 'function';
  const body = zstd
    ? zlib.zstdCompressSync(payload, { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } })
    : zlib.deflateRawSync(payload, { level: 1 });
  const value = Buffer.allocUnsafe(HEAD_BYTES + body.length);
  value[4] = VERSION;
  value[5] = kind;
  value[6] = zstd ? ZSTD : DEFLATE;
  value.set(body, HEAD_BYTES);
  value.writeUInt32LE(zlib.crc32(value.subarray(4)), 0);
  return value;
}

/** Null when the value is missing, damaged, of another kind or version: the index is then built again. */
export function unsealValue(kind: number, value: Uint8Array | undefined): Uint8Array | null {
  if (value === undefined || value.length < HEAD_BYTES) return null;
  if (value[4] !== VERSION || value[5] !== kind) return null;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (view.getUint32(0, true) !== zlib.crc32(value.subarray(4))) return null;
  const body = value.subarray(HEAD_BYTES);
  return value[6] === ZSTD ? zlib.zstdDecompressSync(body) : zlib.inflateRawSync(body);
}
