import { createHmac, hkdfSync, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { WeirError } from '../contract/index.ts';

/** 64 MB and a quarter of a second on a desktop, a second or two on a board. */
const COST = { N: 65_536, r: 8, p: 1 } as const;
const MIN_PASSPHRASE = 12;

/** How keys come from the passphrase. The bounds keep a forged header from taking all memory. */
export const KeyDerivation = Type.Object({
  kind: Type.Literal('scrypt'),
  N: Type.Union([Type.Literal(32_768), Type.Literal(65_536), Type.Literal(131_072), Type.Literal(262_144)]),
  r: Type.Integer({ minimum: 1, maximum: 16 }),
  p: Type.Integer({ minimum: 1, maximum: 4 }),
  salt: Type.String({ pattern: '^[0-9a-f]{32,128}$' }),
  /** Tells a wrong passphrase from damage. */
  check: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});
export type KeyDerivation = Static<typeof KeyDerivation>;

export interface BackupKeys {
  sealing: Buffer;
  naming: Buffer;
}

export function newKeys(passphrase: string): { keys: BackupKeys; derivation: KeyDerivation } {
  if (passphrase.length < MIN_PASSPHRASE)
    throw new WeirError('WEIR_USAGE', `a passphrase has at least ${MIN_PASSPHRASE} characters`);
  const salt = randomBytes(32);
  const master = masterOf(passphrase, salt, COST);
  return {
    keys: keysOf(master),
    derivation: {
      kind: 'scrypt',
      ...COST,
      salt: salt.toString('hex'),
      check: checkOf(master).toString('hex'),
    },
  };
}

export function keysFor(passphrase: string, derivation: KeyDerivation): BackupKeys {
  const master = masterOf(passphrase, Buffer.from(derivation.salt, 'hex'), derivation);
  if (!timingSafeEqual(checkOf(master), Buffer.from(derivation.check, 'hex')))
    throw new WeirError('WEIR_NOT_ALLOWED', 'the passphrase is not that of the backup');
  return keysOf(master);
}

function masterOf(
  passphrase: string,
  salt: Buffer,
  { N, r, p }: { N: number; r: number; p: number },
): Buffer {
  return scryptSync(passphrase.normalize('NFC'), salt, 32, { N, r, p, maxmem: 256 * N * r });
}

function keysOf(master: Buffer): BackupKeys {
  const key = (purpose: string) => Buffer.from(hkdfSync('sha256', master, '', `weir backup ${purpose}`, 32));
  return { sealing: key('sealing'), naming: key('naming') };
}

function checkOf(master: Buffer): Buffer {
  return createHmac('sha256', master).update('weir backup check').digest();
}
