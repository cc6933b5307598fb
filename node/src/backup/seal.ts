import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import zlib from 'node:zlib';
import type { BackupKeys } from './keys.ts';

/**
 * A file of a backup: magic, version, flags; with a passphrase a nonce and, in AES-256-GCM with its tag at the end, the
 * rest: length before compression, and the bytes, compressed. What a file holds decides its name: SHA-256 of the plain
 * bytes, or their HMAC under the passphrase, which tells a stranger nothing. So a piece that is there already is not
 * copied again, and a piece that is not what its name says is noticed.
 */
const MAGIC = Buffer.from('weir');
const VERSION = 1;
const HEAD_BYTES = 6;
const FLAGS = Object.freeze({ zstd: 1, deflate: 2, encrypted: 4 });
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Of plain bytes; every piece is made smaller than this. */
export const MAX_PLAIN_BYTES = 64 * 1024 * 1024;
export const MAX_SEALED_BYTES = MAX_PLAIN_BYTES + 1024;

const hasZstd = typeof zlib.zstdCompressSync === 'function';

export function nameOf(plain: Uint8Array, keys: BackupKeys | null): string {
  return keys === null
    ? createHash('sha256').update(plain).digest('hex')
    : createHmac('sha256', keys.naming).update(plain).digest('hex');
}

export function seal(plain: Uint8Array, keys: BackupKeys | null): Buffer {
  const packed = hasZstd ? zlib.zstdCompressSync(plain) : zlib.deflateRawSync(plain);
  const gained = packed.length < plain.length;
  const compression = !gained ? 0 : hasZstd ? FLAGS.zstd : FLAGS.deflate;
  const body = Buffer.alloc(4 + (gained ? packed.length : plain.length));
  body.writeUInt32LE(plain.length);
  body.set(gained ? packed : plain, 4);
  const head = Buffer.from([...MAGIC, VERSION, compression | (keys === null ? 0 : FLAGS.encrypted)]);
  if (keys === null) return Buffer.concat([head, body]);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keys.sealing, nonce).setAAD(head);
  return Buffer.concat([head, nonce, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
}

/** Null when the bytes are not what `seal` made with these keys; never makes more of them than the bound. */
export function unseal(sealed: Buffer, keys: BackupKeys | null): Buffer | null {
  if (sealed.length < HEAD_BYTES || !sealed.subarray(0, 4).equals(MAGIC) || sealed[4] !== VERSION)
    return null;
  const flags = sealed[5];
  if ((flags & FLAGS.encrypted) !== (keys === null ? 0 : FLAGS.encrypted)) return null;
  const body = keys === null ? sealed.subarray(HEAD_BYTES) : decrypted(sealed, keys);
  if (body === null || body.length < 4) return null;
  const length = body.readUInt32LE();
  if (length > MAX_PLAIN_BYTES) return null;
  return unpacked(body.subarray(4), flags & ~FLAGS.encrypted, length);
}

function decrypted(sealed: Buffer, keys: BackupKeys): Buffer | null {
  if (sealed.length < HEAD_BYTES + NONCE_BYTES + TAG_BYTES) return null;
  const nonce = sealed.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', keys.sealing, nonce)
    .setAAD(sealed.subarray(0, HEAD_BYTES))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const text = sealed.subarray(HEAD_BYTES + NONCE_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(text), decipher.final()]);
  } catch {
    // The tag does not fit: another passphrase, or other bytes. The caller names the piece.
    return null;
  }
}

function unpacked(bytes: Buffer, compression: number, length: number): Buffer | null {
  if (compression === 0) return bytes.length === length ? bytes : null;
  if (compression === FLAGS.zstd && !hasZstd) return null;
  if (compression !== FLAGS.zstd && compression !== FLAGS.deflate) return null;
  try {
    const options = { maxOutputLength: Math.max(length, 1) };
    const plain =
      compression === FLAGS.zstd
        ? zlib.zstdDecompressSync(bytes, options)
        : zlib.inflateRawSync(bytes, options);
    return plain.length === length ? plain : null;
  } catch {
    // Nothing that can be unpacked, or more than it says; the caller names the piece.
    return null;
  }
}
