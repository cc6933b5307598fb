// As one object: Node 20 cannot load a module that imports names it lacks.
import zlib from 'node:zlib';

/** How the entries of a block lie on the disk. The numbers are persisted. */
export const CODEC = Object.freeze({ raw: 0, zstd: 1, deflate: 2 });

/** Below this the frame of zstd eats what it gains. */
const COMPRESS_FROM_BYTES = 128;
// Without a size zlib allocates 64 KiB for what comes out of each block of 16 KB.
const CHUNK_BYTES = 16 * 1024;

/** Node 20, the newest on 32-bit ARM, has no zstd. What it writes is read everywhere. */
const best = typeof zlib.zstdCompressSync === 'function' ? CODEC.zstd : CODEC.deflate;

export interface Packed {
  codec: number;
  bytes: Uint8Array;
}

export function packEntries(raw: Uint8Array, codec: number = best): Packed {
  if (raw.length < COMPRESS_FROM_BYTES) return { codec: CODEC.raw, bytes: raw };
  const bytes =
    codec === CODEC.zstd
      ? zlib.zstdCompressSync(raw, {
          chunkSize: CHUNK_BYTES,
          params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 },
        })
      : zlib.deflateRawSync(raw, { chunkSize: CHUNK_BYTES, level: 1 });
  return bytes.length < raw.length ? { codec, bytes } : { codec: CODEC.raw, bytes: raw };
}

/** Null when it is not what it should be; never more than `length` bytes are made of it. */
export function unpackEntries(codec: number, entries: Uint8Array, length: number): Uint8Array | null {
  if (codec === CODEC.raw) return entries;
  if (codec !== CODEC.deflate && !(codec === CODEC.zstd && best === CODEC.zstd)) return null;
  try {
    // A chunk of the right size spares a 64 KiB buffer a call: 24 µs instead of 40 for a block.
    const options = { maxOutputLength: Math.max(length, 1), chunkSize: Math.max(length, 64) };
    const raw =
      codec === CODEC.zstd
        ? zlib.zstdDecompressSync(entries, options)
        : zlib.inflateRawSync(entries, options);
    // In memory of its own: zlib's may lie in Buffer's pool, of which each block that is cached would keep 64 KiB.
    return new Uint8Array(raw);
  } catch (fault) {
    if (fault instanceof Error) return null;
    throw fault;
  }
}
