import { verify, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type TlsFiles, WeirError } from '../contract/index.ts';

/**
 * The certificate revocation list of RFC 5280, read here and not by OpenSSL: that would refuse every device once the
 * list's next update is past, or before the clock of a board without a battery has been set. The signature is checked,
 * so that a list of another authority or half a file revokes nothing and hides nothing.
 */

const [INTEGER, BIT_STRING, UTC_TIME, GENERALIZED_TIME, SEQUENCE] = [0x02, 0x03, 0x17, 0x18, 0x30];
const PEM = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/;

/** Digest by the content octets of the signature algorithm's identifier. Ed25519 has its own. */
const DIGESTS: Record<string, string | null> = {
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2b6570': null,
};

/** Serial numbers that are revoked, in upper-case hexadecimal digits as Node gives those of certificates. */
export async function readRevocations({ ca, crl }: TlsFiles): Promise<ReadonlySet<string>> {
  if (crl === undefined || ca === null) return new Set();
  return revokedSerials(await readFile(crl, 'utf8'), await readFile(ca, 'utf8'), crl);
}

export function revokedSerials(list: string, authority: string, file: string): ReadonlySet<string> {
  const pem = PEM.exec(list);
  if (!pem) throw unreadable(file, 'it is no revocation list in PEM');
  try {
    const [signed, algorithm, signature] = childrenOf(only(Buffer.from(pem[1], 'base64'), SEQUENCE));
    const identifier = childrenOf(algorithm)[0].content.toString('hex');
    const digest = DIGESTS[identifier];
    if (digest === undefined) throw unreadable(file, `its signature algorithm ${identifier} is not known`);
    const { publicKey } = new X509Certificate(authority);
    // The first octet of a bit string counts unused bits: none.
    const bytes = expect(signature, BIT_STRING).content.subarray(1);
    if (!verify(digest, signed.whole, publicKey, bytes))
      throw unreadable(file, 'the authority of mqtt.tls.ca did not sign it');
    return new Set(entriesOf(signed).map(serialOf));
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    throw unreadable(file, 'it is damaged', cause);
  }
}

/** TBSCertList: version, signature, issuer, this update, next update, revoked certificates, extensions; some optional. */
function entriesOf(signed: Element): Element[] {
  const parts = childrenOf(expect(signed, SEQUENCE));
  let at = parts[0].tag === INTEGER ? 4 : 3;
  if (parts[at] && [UTC_TIME, GENERALIZED_TIME].includes(parts[at].tag)) at++;
  return parts[at]?.tag === SEQUENCE ? childrenOf(parts[at]) : [];
}

function serialOf(entry: Element): string {
  const hex = expect(childrenOf(entry)[0], INTEGER).content.toString('hex').toUpperCase();
  return hex.replace(/^(00)+(?=..)/, '');
}

interface Element {
  tag: number;
  content: Buffer;
  whole: Buffer;
}

function only(bytes: Buffer, tag: number): Element {
  return expect(elementAt(bytes, 0), tag);
}

function childrenOf({ content }: Element): Element[] {
  const children: Element[] = [];
  for (let at = 0; at < content.length; at += children[children.length - 1].whole.length)
    children.push(elementAt(content, at));
  return children;
}

/** One element of DER. Lengths past four octets are longer than any list. */
function elementAt(bytes: Buffer, at: number): Element {
  const short = bytes.readUInt8(at + 1);
  const octets = short < 0x80 ? 0 : short & 0x7f;
  if (octets > 4 || short === 0x80) throw new RangeError('a length of DER is out of bounds');
  const length = octets === 0 ? short : bytes.readUIntBE(at + 2, octets);
  const start = at + 2 + octets;
  if (start + length > bytes.length) throw new RangeError('an element of DER ends past its parent');
  return {
    tag: bytes[at],
    content: bytes.subarray(start, start + length),
    whole: bytes.subarray(at, start + length),
  };
}

function expect(element: Element, tag: number): Element {
  if (element.tag !== tag) throw new RangeError(`DER has tag ${element.tag} where ${tag} belongs`);
  return element;
}

function unreadable(file: string, why: string, cause?: unknown): WeirError {
  return new WeirError('WEIR_SITE_INVALID', `mqtt.tls.crl ${file} cannot be used: ${why}`, {
    field: 'mqtt.tls.crl',
    suggestion: 'Take the list that `weir provision` keeps beside the certificate of the authority.',
    cause,
  });
}
