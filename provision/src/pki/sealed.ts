import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { WeirError } from '@weir/node/contract';

/**
 * A sealed file: what it holds can be read, and changed, by none who does not know the passphrase.
 *
 * Layout of version 1: 8 octets `WEIRSEAL`, 1 octet version, 1 octet log₂ N of scrypt, 1 octet r, 1 octet p, 16 octets
 * salt, 12 octets nonce, then AES-256-GCM's text and its tag of 16 octets. All before the text is authenticated with it.
 */
const MAGIC = Buffer.from('WEIRSEAL');
const VERSION = 1;
const HEADER_BYTES = 40;
const TAG_BYTES = 16;
/** N = 2^17, r = 8: 128 MiB and about half a second a guess. */
const COST: Cost = Object.freeze({ logN: 17, r: 8, p: 1 });

export interface Cost {
  logN: number;
  r: number;
  p: number;
}
/** A file that asks for more than 1 GiB would only stop the machine. */
const LOG_N_MAX = 20;
/** Shorter ones are found by trying. */
export const PASSPHRASE_MIN = 12;

const scryptAsync = promisify<string, Uint8Array, number, object, Buffer>(scrypt);

export async function seal(plain: Uint8Array, passphrase: string, cost = COST): Promise<Buffer> {
  if ([...passphrase].length < PASSPHRASE_MIN)
    throw new WeirError('WEIR_USAGE', `the passphrase has fewer than ${PASSPHRASE_MIN} characters.`, {
      suggestion: 'Take some words that nobody would guess, and keep them apart from the file.',
    });
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.set([VERSION, cost.logN, cost.r, cost.p], MAGIC.length);
  randomBytes(28).copy(header, MAGIC.length + 4);
  const cipher = createCipheriv('aes-256-gcm', await keyOf(header, passphrase), header.subarray(28, 40));
  cipher.setAAD(header);
  return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export async function unseal(sealed: Uint8Array, passphrase: string, file: string): Promise<Buffer> {
  const bytes = Buffer.from(sealed);
  if (bytes.length < HEADER_BYTES + TAG_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw broken(file, 'it is no sealed file of Weir');
  const header = bytes.subarray(0, HEADER_BYTES);
  const [version, logN, r, p] = header.subarray(MAGIC.length, MAGIC.length + 4);
  if (version !== VERSION) throw broken(file, `it is of version ${version}; this weir reads ${VERSION}`);
  if (logN < 10 || logN > LOG_N_MAX || r < 1 || r > 8 || p < 1 || p > 4)
    throw broken(file, 'its header asks for what no weir has written');
  const decipher = createDecipheriv('aes-256-gcm', await keyOf(header, passphrase), header.subarray(28, 40), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(header);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw broken(file, 'the passphrase is not the one it was sealed with, or it was changed since', cause);
  }
}

async function keyOf(header: Buffer, passphrase: string): Promise<Buffer> {
  const [logN, r, p] = header.subarray(MAGIC.length + 1, MAGIC.length + 4);
  const cost = { N: 2 ** logN, r, p, maxmem: 256 * 2 ** logN * r };
  // One text has several encodings; keyboards differ in which they send.
  return scryptAsync(passphrase.normalize('NFC'), header.subarray(12, 28), 32, cost);
}

function broken(file: string, why: string, cause?: unknown): WeirError {
  return new WeirError('WEIR_SEAL_BROKEN', `${file} cannot be opened: ${why}.`, { cause });
}
