import { isIP } from 'node:net';
import * as x509 from './x509.ts';

/** What certificates and revocation lists of a site look like. Keys are P-256: every device's TLS can do it. */

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** Boards without a clock battery start in 1970 and must let devices in before they know the time. */
const NOT_BEFORE = new Date(0);
/** The last year that the short form of times in certificates has; some small TLS libraries know no other. */
const NOT_AFTER_MAX = Date.UTC(2049, 11, 31);

export const AUTHORITY_DAYS = 20 * 365;
/** Browsers refuse certificates of servers that hold for longer than 825 days. */
export const BOARD_DAYS = 820;
/** Devices are renewed by hand; one that is lost is revoked. */
export const DEVICE_DAYS = 10 * 365;

export interface KeyAndCertificate {
  keyPem: string;
  certificatePem: string;
  serial: string;
  notAfterMs: number;
}

export interface Signer {
  certificate: x509.X509Certificate;
  privateKey: CryptoKey;
}

export async function makeAuthority(siteName: string, nowMs: number): Promise<KeyAndCertificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const notAfterMs = lastMs(nowMs, AUTHORITY_DAYS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: [{ CN: [`${siteName} authority`] }, { O: [siteName] }],
    notBefore: NOT_BEFORE,
    notAfter: new Date(notAfterMs),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return written(certificate, keys.privateKey, notAfterMs);
}

export async function openSigner(certificatePem: string, keyPem: string): Promise<Signer> {
  const der = x509.PemConverter.decodeFirst(keyPem);
  const privateKey = await crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  return { certificate: new x509.X509Certificate(certificatePem), privateKey };
}

/** The common name is what the broker takes as the device's id; a board's names are those that it is reached by. */
export async function makeLeaf(
  signer: Signer,
  leaf: { commonName: string; organisation: string; reachedBy: readonly string[]; days: number },
  nowMs: number,
): Promise<KeyAndCertificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const isServer = leaf.reachedBy.length > 0;
  const uses = isServer
    ? [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]
    : [x509.ExtendedKeyUsage.clientAuth];
  const notAfterMs = Math.min(lastMs(nowMs, leaf.days), signer.certificate.notAfter.getTime());
  const names = leaf.reachedBy.map((name) => ({ type: isIP(name) ? 'ip' : 'dns', value: name }) as const);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [{ CN: [leaf.commonName] }, { O: [leaf.organisation] }],
    issuer: signer.certificate.subjectName,
    notBefore: NOT_BEFORE,
    notAfter: new Date(notAfterMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(uses),
      ...(isServer ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate.publicKey),
    ],
  });
  return written(certificate, keys.privateKey, notAfterMs);
}

export async function makeRevocationList(
  signer: Signer,
  revoked: readonly { serial: string; revokedMs: number; reason: string | null }[],
  number: number,
  nowMs: number,
): Promise<string> {
  const list = await x509.X509CrlGenerator.create({
    issuer: signer.certificate.subjectName,
    thisUpdate: new Date(nowMs),
    // It holds until there is a newer one: a board that nobody visits must not lock its devices out.
    nextUpdate: signer.certificate.notAfter,
    signingAlgorithm: ALGORITHM,
    signingKey: signer.privateKey,
    entries: revoked.map(({ serial, revokedMs, reason }) => ({
      serialNumber: serial,
      revocationDate: new Date(revokedMs),
      ...(reason !== null && { reason: REASONS[reason] }),
    })),
    extensions: [
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate.publicKey),
      new x509.Extension(CRL_NUMBER, false, derInteger(number)),
    ],
  });
  return pem(list.rawData, 'X509 CRL');
}

/** Words of RFC 5280, 5.3.1. */
export const REASONS: Record<string, x509.X509CrlReason> = {
  'key-compromise': x509.X509CrlReason.keyCompromise,
  superseded: x509.X509CrlReason.superseded,
  'out-of-use': x509.X509CrlReason.cessationOfOperation,
};

/** SHA-256 over the certificate, in pairs with colons, as tools show it. */
export async function fingerprint(certificatePem: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', x509.PemConverter.decodeFirst(certificatePem));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

const CRL_NUMBER = '2.5.29.20';

function derInteger(value: number): ArrayBuffer {
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  if (Number.parseInt(hex.slice(0, 2), 16) >= 0x80) hex = `00${hex}`;
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return Uint8Array.from([0x02, bytes.length, ...bytes]).buffer;
}

/** 127 random bits: nobody can foresee it, and no two lists of a site's life can mean different certificates by it. */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // A first octet from 1 to 127: positive, and the same number of digits wherever it is shown.
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex').toUpperCase();
}

function lastMs(nowMs: number, days: number): number {
  // Certificates know whole seconds.
  return Math.floor(Math.min(nowMs + days * DAY_MS, NOT_AFTER_MAX) / 1000) * 1000;
}

async function written(
  certificate: x509.X509Certificate,
  privateKey: CryptoKey,
  notAfterMs: number,
): Promise<KeyAndCertificate> {
  return {
    keyPem: pem(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY'),
    certificatePem: pem(certificate.rawData, 'CERTIFICATE'),
    serial: certificate.serialNumber.toUpperCase(),
    notAfterMs,
  };
}

function pem(der: ArrayBuffer, label: string): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
