import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, Server } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { Site } from '@weir/node/contract';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { FAKE_SITE } from '../testing/fake-site.ts';
import { withGateway } from '../testing/with-gateway.ts';
import { followTls, readTls } from './tls.ts';

function certificate(dir: string, name: string): { cert: string; key: string; ca: null } {
  const cert = join(dir, `${name}.crt`);
  const key = join(dir, `${name}.key`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', key, '-out', cert],
    {
      stdio: 'ignore',
    },
  );
  return { cert, key, ca: null };
}

function servedName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('a site with a certificate is served over TLS, and its cookie goes nowhere else', async () => {
  const files = certificate(mkdtempSync(join(tmpdir(), 'weir-tls-')), 'first');
  const site: Site = { ...FAKE_SITE, http: { tls: files } };
  const { gateway } = await withGateway({ site, open: false, tokens: { verify: () => true } });
  expect(gateway.url).toMatch(/^https:/);
  expect(await servedName(gateway.port)).toBe('first');
  const options = {
    method: 'POST',
    rejectUnauthorized: false,
    headers: { 'content-type': 'application/json' },
  };
  const asked = request(`${gateway.url}/api/v1/login`, options).end('{"token":"any"}');
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  expect(answer.headers['set-cookie']?.[0]).toMatch(/; Secure$/);
});

test('a certificate that is not there is a fault of the site file', async () => {
  const tls = { cert: '/nowhere/a.crt', key: '/nowhere/a.key', ca: null };
  const site: Site = { ...FAKE_SITE, http: { tls } };
  await expect(withGateway({ site })).rejects.toMatchObject({ code: 'WEIR_SITE_INVALID', field: 'http.tls' });
});

test('a renewed certificate is served without a restart, and a broken one is not', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-tls-'));
  const files = certificate(dir, 'served');
  const renewed = certificate(dir, 'renewed');
  const server: Server = createServer(readTls(files)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const log: string[] = [];
  const unfollow = followTls(server, files, pino({}, { write: (line: string) => log.push(line) }), 10);
  const told = async (words: string): Promise<void> => {
    while (!log.join('').includes(words)) await new Promise((resolve) => setImmediate(resolve));
  };
  copyFileSync(renewed.key, files.key);
  copyFileSync(renewed.cert, files.cert);
  await told('is served from now on');
  expect(await servedName(port)).toBe('renewed');
  writeFileSync(files.cert, 'broken');
  await told('the one before stays');
  expect(await servedName(port)).toBe('renewed');
  unfollow();
  server.close();
});
