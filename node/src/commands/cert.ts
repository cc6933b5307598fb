import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Site, type TlsFiles, WeirError } from '../contract/index.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { siteOfData } from './read-site.ts';
import { table } from './table.ts';

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;

interface Looked {
  /** Where the site file names it: `mqtt` or `http`. */
  for: string;
  file: string;
  subject: string;
  /** Names and addresses that it is good for. */
  names: string;
  issuer: string;
  notBefore: number;
  notAfter: number;
  daysLeft: number;
  sha256: string;
  /** What is wrong with it; null when nothing is. */
  fault: string | null;
}

export function certCommand(shippedSite: URL): Command {
  return {
    name: 'cert',
    usage: 'cert [SITE] [--data DIR]',
    summary: `The certificates that the site file names: for which names, from whom, how long. Exit status 6 when one has run out, does so within ${SOON_DAYS} days, or its key does not fit. A running appliance takes a changed certificate within a minute. Certificates are made by weir provision.`,
    options: {
      data: {
        type: 'string',
        value: 'DIR',
        help: 'whose site file, where none is named',
        default: './weir-data',
      },
    },
    async run(invocation) {
      const data = text(invocation, 'data') ?? './weir-data';
      const looked = lookedAt(siteOfData(data, invocation.args[0], shippedSite), Date.now());
      print(invocation, looked);
      return looked.every(({ fault }) => fault === null) ? EXIT.fine : EXIT.degraded;
    },
  };
}

function lookedAt(site: Site, nowMs: number): Looked[] {
  const named: [string, TlsFiles | null][] = [
    ['mqtt', site.mqtt.tls],
    ['http', site.http.tls],
  ];
  return named.flatMap(([where, files]) => (files === null ? [] : [lookAt(where, files, nowMs)]));
}

function lookAt(where: string, { cert: file, key }: TlsFiles, nowMs: number): Looked {
  const cert = parsed(file, (bytes) => new X509Certificate(bytes));
  const notAfter = cert.validToDate.getTime();
  const notBefore = cert.validFromDate.getTime();
  const daysLeft = Math.floor((notAfter - nowMs) / DAY_MS);
  const fits = cert.checkPrivateKey(parsed(key, (bytes) => createPrivateKey(bytes)));
  return {
    for: where,
    file,
    subject: oneLine(cert.subject),
    names: oneLine(cert.subjectAltName ?? ''),
    issuer: oneLine(cert.issuer),
    notBefore,
    notAfter,
    daysLeft,
    sha256: cert.fingerprint256.replaceAll(':', '').toLowerCase(),
    fault: faultOf(fits, daysLeft, nowMs < notBefore, key),
  };
}

function faultOf(fits: boolean, daysLeft: number, isEarly: boolean, key: string): string | null {
  if (!fits) return `${key} is not its key`;
  if (isEarly) return 'it is not valid yet';
  if (daysLeft < 0) return 'it has run out';
  return daysLeft < SOON_DAYS ? `it runs out in ${daysLeft} days` : null;
}

function parsed<T>(file: string, parse: (bytes: Buffer) => T): T {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WeirError('WEIR_SITE_INVALID', `${file} cannot be read: ${code}`, { cause });
  }
  try {
    return parse(bytes);
  } catch (cause) {
    throw new WeirError('WEIR_SITE_INVALID', `${file} is neither a certificate nor a key`, { cause });
  }
}

/** A certificate says what its maker wrote, and goes to a terminal. */
const oneLine = (said: string): string => said.replace(/[^\x20-\x7e]+/g, ', ');

function print({ json }: Invocation, certificates: Looked[]): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ certificates })}\n`);
    return;
  }
  if (certificates.length === 0) {
    process.stdout.write('The site file names no certificate: nothing is served over TLS.\n');
    return;
  }
  const rows = certificates.map((one) => [
    one.for,
    one.names || one.subject,
    one.issuer,
    new Date(one.notAfter).toISOString().slice(0, 10),
    one.daysLeft,
    one.fault ?? 'fine',
  ]);
  process.stdout.write(table(['for', 'names', 'from', 'until', 'days left', 'state'], rows));
}
