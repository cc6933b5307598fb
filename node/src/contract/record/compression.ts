// As one object: Node 20 cannot load a module that imports the names it lacks.
import zlib from 'node:zlib';
import { COMPRESSION } from './header.ts';

/** Below this the call costs more than the bytes are worth. */
const WORTH_BYTES = 256;

/** Node 20, which 32-bit ARM boards run, has no zstd. */
const hasZstd = typeof zlib.zstdCompressSync === 'function';

export interface Compressed {
  compression: number;
  bytes: Uint8Array;
}

/**
 * zlib allocates room for its output in chunks of 64 KiB unless told: for most records that is several times what comes
 * out, and a thread that decodes hundreds of records a second left 50 MB of them between two collections.
 */
function roomFor(bytes: number): number {
  return Math.min(64 * 1024, Math.max(1024, bytes));
}

export function compress(bytes: Uint8Array): Compressed {
  const plain = { compression: COMPRESSION.none, bytes };
  if (bytes.length < WORTH_BYTES) return plain;
  const chunkSize = roomFor(bytes.length >> 1);
  const packed = hasZstd
    ? zlib.zstdCompressSync(bytes, { chunkSize, params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } })
    : zlib.deflateRawSync(bytes, { chunkSize, level: 1 });
  if (packed.length >= bytes.length) return plain;
  return { compression: hasZstd ? COMPRESSION.zstd : COMPRESSION.deflate, bytes: packed };
}

/** Null when it is not what it should be; never more than `length` bytes are made of it. */
export function decompress(bytes: Uint8Array, compression: number, length: number): Uint8Array | null {
  if (compression === COMPRESSION.none) return bytes.length === length ? bytes : null;
  if (compression !== COMPRESSION.deflate && !(compression === COMPRESSION.zstd && hasZstd)) return null;
  try {
    const options = { maxOutputLength: length, chunkSize: roomFor(length) };
    const plain =
      compression === COMPRESSION.zstd
        ? zlib.zstdDecompressSync(bytes, options)
        : zlib.inflateRawSync(bytes, options);
    return plain.length === length ? plain : null;
  } catch {
    // zlib throws for what it cannot unpack; the caller names the record as damaged.
    return null;
  }
}
