import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';

/**
 * The key that signs releases: ed25519, in PEM, so that `openssl pkeyutl` makes and checks the same signatures.
 * Whoever has it can put software onto boards; it is never logged, and refused when others may read it.
 */
export function makeReleaseKey(file: string): { key: string; public: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const publicFile = `${file}.pub`;
  // `wx`: a key that exists is never replaced, since boards trust its public half.
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  writeFileSync(publicFile, publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644, flag: 'wx' });
  return { key: file, public: publicFile };
}

export function signBytes(bytes: Uint8Array, keyFile: string): Uint8Array {
  if ((statSync(keyFile).mode & 0o077) !== 0)
    throw new Error(`${keyFile} can be read by others; run: chmod 600 ${keyFile}`);
  const key = createPrivateKey(readFileSync(keyFile));
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`${keyFile} is a key of type ${key.asymmetricKeyType}; releases are signed with ed25519`);
  return sign(null, bytes, key);
}

export function isSigned(bytes: Uint8Array, signature: Uint8Array, publicFile: string): boolean {
  const key = createPublicKey(readFileSync(publicFile));
  return key.asymmetricKeyType === 'ed25519' && verify(null, bytes, key, signature);
}
