import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { addDevice, Credentials, revokeDevice } from '../../node/src/broker/index.ts';
import { silentLog } from '../../node/src/broker/rejections.ts';
import { revokedSerials } from '../../node/src/broker/revocation-list.ts';
import { after, reading, running, temporaryDir, until } from './broker-harness.ts';
import { SITE } from './site.ts';

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });

/** A key and a certificate of that name, signed by the authority in the directory, or by itself. */
function certificate(dir: string, file: string, name: string, authority: string | null): void {
  const [key, cert] = [join(dir, `${file}.key`), join(dir, `${file}.crt`)];
  const fresh = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ];
  const signed = authority
    ? ['-CA', join(dir, `${authority}.crt`), '-CAkey', join(dir, `${authority}.key`)]
    : [];
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  openssl(...fresh, ...signed, ...names, '-keyout', key, '-out', cert);
}

/** A list of revoked certificates, made by OpenSSL as its manual says. */
function revocationList(dir: string, authority: string, revoked: string[]): void {
  const lines = revoked.map((file) => {
    const { serialNumber, subject } = new X509Certificate(readFileSync(join(dir, `${file}.crt`)));
    return `R\t491231235959Z\t251231235959Z\t${serialNumber}\tunknown\t/${subject}\n`;
  });
  writeFileSync(join(dir, 'index.txt'), lines.join(''));
  writeFileSync(join(dir, 'index.txt.attr'), '');
  writeFileSync(
    join(dir, 'openssl.cnf'),
    `[ca]\ndefault_ca=site\n[site]\ndatabase=${dir}/index.txt\ndefault_md=sha256\n`,
  );
  const signer = ['-cert', join(dir, `${authority}.crt`), '-keyfile', join(dir, `${authority}.key`)];
  const asked = ['-gencrl', '-crldays', '1', '-config', join(dir, 'openssl.cnf')];
  openssl('ca', ...asked, ...signer, '-out', join(dir, 'fresh.crl'));
  renameSync(join(dir, 'fresh.crl'), join(dir, 'revoked.crl'));
}

async function guardedByTls({ crl = false } = {}) {
  const dir = await temporaryDir();
  certificate(dir, 'ca', 'Riverside', null);
  certificate(dir, 'server', 'board', 'ca');
  certificate(dir, 'm1', 'm1', 'ca');
  certificate(dir, 'other', 'Elsewhere', null);
  certificate(dir, 'forged', 'm1', 'other');
  certificate(dir, 'm1-renewed', 'm1', 'ca');
  if (crl) revocationList(dir, 'ca', []);
  await addDevice(dir, { id: 'm1', password: null });
  const credentials = await Credentials.open(dir, silentLog);
  after(async () => credentials.close());
  const files = {
    cert: join(dir, 'server.crt'),
    key: join(dir, 'server.key'),
    ca: join(dir, 'ca.crt'),
    ...(crl && { crl: join(dir, 'revoked.crl') }),
  };
  const more = { site: { ...SITE, mqtt: { tls: files } }, credentials, open: false };
  const run = await running({ ...more, listen: { tcp: null, tls: { host: '127.0.0.1', port: 0 } } });
  const port = run.broker.tls?.port ?? 0;
  const ca = await readFile(files.ca);
  const enter = async (file: string | null, clientId: string, username?: string) =>
    connectAsync(
      `mqtts://127.0.0.1:${port}`,
      {
        ca,
        clientId,
        username,
        reconnectPeriod: 0,
        ...(file && {
          cert: await readFile(join(dir, `${file}.crt`)),
          key: await readFile(join(dir, `${file}.key`)),
        }),
      },
      false,
    );
  return { dir, ca, tlsPort: port, enter, ...run };
}

test('a device with a certificate of the site logs in without a password, and only as itself', async () => {
  const { enter, log } = await guardedByTls();
  const client = await enter('m1', 'm1');
  after(() => client.endAsync(true));
  await client.publishAsync('meters/m1/electricity', reading(), { qos: 1 });
  expect(log.readings).toBe(1);
  await expect(enter('m1', 'm2')).rejects.toThrow();
  await expect(enter('forged', 'm1')).rejects.toThrow();
  await expect(enter(null, 'm1', 'm1')).rejects.toThrow();
});

test('row 55: a device whose certificate is revoked is disconnected within ten seconds', async () => {
  const { dir, enter } = await guardedByTls();
  const client = await enter('m1', 'm1');
  after(() => client.endAsync(true));
  let gone = false;
  client.on('close', () => {
    gone = true;
  });
  await revokeDevice(dir, 'm1');
  await until('it is disconnected', () => gone);
  await expect(enter('m1', 'm1')).rejects.toThrow();
});

test('row 55: a certificate on the revocation list is disconnected and refused; its successor is let in', async () => {
  const { dir, enter } = await guardedByTls({ crl: true });
  const client = await enter('m1', 'm1');
  after(() => client.endAsync(true));
  let gone = false;
  client.on('close', () => {
    gone = true;
  });
  revocationList(dir, 'ca', ['m1']);
  await until('it is disconnected', () => gone);
  await expect(enter('m1', 'm1')).rejects.toThrow();
  const successor = await enter('m1-renewed', 'm1');
  after(() => successor.endAsync(true));
});

test('a list that another authority signed, or half a list, is refused', async () => {
  const { dir, ca } = await guardedByTls({ crl: true });
  const pem = ca.toString();
  revocationList(dir, 'ca', ['m1', 'server']);
  const list = readFileSync(join(dir, 'revoked.crl'), 'utf8');
  expect(revokedSerials(list, pem, 'revoked.crl')).toEqual(
    new Set(
      ['m1', 'server'].map(
        (file) => new X509Certificate(readFileSync(join(dir, `${file}.crt`))).serialNumber,
      ),
    ),
  );
  revocationList(dir, 'other', ['m1']);
  const foreign = readFileSync(join(dir, 'revoked.crl'), 'utf8');
  expect(() => revokedSerials(foreign, pem, 'revoked.crl')).toThrow('did not sign');
  expect(() => revokedSerials(list.replace(/\n.{20}/, '\n'), pem, 'revoked.crl')).toThrow('cannot be used');
  expect(() => revokedSerials('', pem, 'revoked.crl')).toThrow('no revocation list');
});

test('a renewed certificate is served without a restart', async () => {
  const { dir, ca, tlsPort } = await guardedByTls();
  const served = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port: tlsPort, host: '127.0.0.1', ca }, () => {
        resolve(socket.getPeerCertificate().subject.CN as string);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  expect(await served()).toBe('board');
  certificate(dir, 'renewed', 'board, renewed', 'ca');
  await copyFile(join(dir, 'renewed.key'), join(dir, 'server.key'));
  await copyFile(join(dir, 'renewed.crt'), join(dir, 'server.crt'));
  let name = '';
  await until('the new one is served', () => {
    served().then(
      (found) => {
        name = found;
      },
      () => undefined,
    );
    return name === 'board, renewed';
  });
});
