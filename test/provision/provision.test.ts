import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import decodeQR from 'qr/decode.js';
import { expect, test, vi } from 'vitest';
import { readRevocations } from '../../node/src/broker/revocation-list.ts';
import { terminalQr } from '../../provision/src/qr/qr.ts';
import { newSite, provision, temporaryDir } from './run-weir.ts';

// Keys, scrypt and Ansible take their time on a machine that does other things as well.
vi.setConfig({ testTimeout: 120_000 });

const certificate = (dir: string, path: string) => new X509Certificate(readFileSync(join(dir, path)));

test('OpenSSL takes a board and a device as signed by the site, and a revoked one as revoked', async () => {
  const dir = await newSite();
  const files = ['boards/gate1/board.crt', 'devices/m1/device.crt'].map((path) => join(dir, path));
  const lists = [
    '-CAfile',
    join(dir, 'authority/authority.crt'),
    '-CRLfile',
    join(dir, 'authority/revoked.crl'),
  ];
  const verify = (file: string) =>
    execFileSync('openssl', ['verify', '-crl_check', ...lists, file], { stdio: 'pipe' });
  for (const file of files) expect(verify(file).toString()).toContain('OK');
  expect((await provision('revoke', 'm1', '--dir', dir)).status).toBe(0);
  expect(verify(files[0]).toString()).toContain('OK');
  expect(() => verify(files[1])).toThrow('certificate revoked');
});

test('the broker reads of the list what was revoked, and nothing before', async () => {
  const dir = await newSite();
  const read = () =>
    readRevocations({
      cert: '',
      key: '',
      ca: join(dir, 'authority/authority.crt'),
      crl: join(dir, 'authority/revoked.crl'),
    });
  expect(await read()).toEqual(new Set());
  const { serialNumber } = certificate(dir, 'devices/m1/device.crt');
  expect((await provision('revoke', 'm1', '--dir', dir)).status).toBe(0);
  expect(await read()).toEqual(new Set([serialNumber]));
});

test('a board is certified for what it is reached by, a device by its client id, and both from 1970 on', async () => {
  const dir = await newSite();
  const [board, device] = [
    certificate(dir, 'boards/gate1/board.crt'),
    certificate(dir, 'devices/m1/device.crt'),
  ];
  expect(board.subjectAltName).toBe('DNS:gate1.local, DNS:gate1, IP Address:127.0.0.1');
  expect(device.subject).toBe('CN=m1\nO=Riverside');
  expect(device.subjectAltName).toBeUndefined();
  for (const { validFrom } of [board, device]) expect(Date.parse(validFrom)).toBe(0);
  const days = (Date.parse(board.validTo) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(800);
  expect(days).toBeLessThan(825);
});

test('keys are readable by their owner only, folders too, and nothing that is printed has one', async () => {
  const dir = await newSite();
  const modes = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((path) => {
    const { mode } = statSync(join(dir, path));
    return `${(mode & 0o777).toString(8)} ${path}`;
  });
  expect(modes.toSorted()).toEqual([
    '600 authority/authority.key',
    '600 authority/issued.json',
    '600 authority/join-secret',
    '600 boards/gate1/board.key',
    '600 devices/m1/device.key',
    '644 authority/authority.crt',
    '644 authority/revoked.crl',
    '644 boards/gate1/board.crt',
    '644 devices/m1/device.crt',
    '644 fleet.yaml',
    '700 authority',
    '700 boards',
    '700 boards/gate1',
    '700 devices',
    '700 devices/m1',
  ]);
  const secrets = ['authority/authority.key', 'authority/join-secret', 'devices/m1/device.key'].map(
    (path) =>
      readFileSync(join(dir, path), 'utf8')
        .split('\n')
        .filter((line) => !line.startsWith('--'))[0],
  );
  for (const argv of [
    ['list'],
    ['list', '--json'],
    ['inventory'],
    ['renew', 'm1'],
    ['qr', 'm1'],
    ['revoke', 'm1'],
  ]) {
    const { out, err } = await provision(...argv, '--dir', dir);
    for (const secret of secrets) expect(out + err, argv.join(' ')).not.toContain(secret);
  }
});

test.each([
  ['authority/authority.key', 0o640],
  ['authority/authority.key', 0o604],
  ['authority', 0o750],
])('%s with mode %o is refused, and nothing is signed', async (path, mode) => {
  const dir = await newSite();
  chmodSync(join(dir, path), mode);
  const { status, err } = await provision('add-device', 'm2', '--dir', dir);
  expect(status).toBe(5);
  expect(err).toContain('may be read by others');
  expect(err).toContain('WEIR_KEYS_EXPOSED');
  expect(existsSync(join(dir, 'devices/m2'))).toBe(false);
});

test('a second authority is not made in place of the first', async () => {
  const dir = await newSite();
  const before = readFileSync(join(dir, 'authority/authority.key'));
  expect((await provision('init', '--dir', dir)).status).toBe(2);
  expect(readFileSync(join(dir, 'authority/authority.key'))).toEqual(before);
});

test('renewing leaves the former certificate valid until it is revoked', async () => {
  const dir = await newSite();
  const before = certificate(dir, 'devices/m1/device.crt').serialNumber;
  expect((await provision('renew', 'm1', '--dir', dir)).status).toBe(0);
  const after = certificate(dir, 'devices/m1/device.crt').serialNumber;
  expect(after).not.toBe(before);
  const states = async () => {
    const { out } = await provision('list', '--all', '--json', '--dir', dir);
    const { certificates } = JSON.parse(out) as {
      certificates: { serial: string; revokedMs: number | null }[];
    };
    return Object.fromEntries(certificates.map(({ serial, revokedMs }) => [serial, revokedMs !== null]));
  };
  expect(await states()).toMatchObject({ [before]: false, [after]: false });
  expect((await provision('renew', 'm1', '--revoke-old', '--dir', dir)).status).toBe(0);
  expect(await states()).toMatchObject({ [before]: true, [after]: true });
  expect((await provision('renew', '--due', '--dir', dir)).out).toBe('nothing is due\n');
  expect((await provision('renew', '--due', '--within', '830', '--dir', dir)).out).toMatch(
    /^board gate1 until/,
  );
});

test('the sealed backup opens with its passphrase only, into an equal folder', async () => {
  const dir = await newSite();
  const words = join(await temporaryDir(), 'words');
  writeFileSync(words, 'correct horse battery\n', { mode: 0o600 });
  const sealed = `${dir}.sealed`;
  expect((await provision('backup', '--dir', dir, '--out', sealed, '--passphrase-file', words)).status).toBe(
    0,
  );
  expect(statSync(sealed).mode & 0o777).toBe(0o600);
  const restored = `${dir}-restored`;
  const open = () => provision('restore', sealed, '--dir', restored, '--passphrase-file', words);
  writeFileSync(words, 'correct horse batterz\n');
  expect(await open()).toMatchObject({ status: 1, err: expect.stringContaining('WEIR_SEAL_BROKEN') });
  expect(existsSync(restored)).toBe(false);
  writeFileSync(words, 'correct horse battery\n');
  expect(await open()).toMatchObject({ status: 0 });
  execFileSync('diff', ['-r', dir, restored]);
  expect((await provision('add-device', 'm9', '--dir', restored)).status).toBe(0);
  expect(await open()).toMatchObject({ status: 2, err: expect.stringContaining('not touched') });
});

test('an edited fleet file keeps its comments, and a wrong one is not written', async () => {
  const dir = await newSite();
  const file = join(dir, 'fleet.yaml');
  writeFileSync(file, `${readFileSync(file, 'utf8')}# by the pump\n`);
  const before = readFileSync(file, 'utf8');
  const wrong = await provision('add-board', 'gate2', '--board', 'odroid-c5', '--dir', dir);
  expect(wrong.status).toBe(3);
  expect(wrong.err).toContain('did you mean "odroid-c4"?');
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect((await provision('add-board', 'gate2', '--board', 'odroid-n2plus', '--dir', dir)).status).toBe(0);
  expect(readFileSync(file, 'utf8')).toContain('# by the pump');
  expect(readFileSync(file, 'utf8')).toContain('gate2: { board: odroid-n2plus }');
});

test('the inventory names every board with the files that its TLS needs, and Ansible reads it', async () => {
  const dir = await newSite();
  const file = join(dir, 'inventory.yaml');
  expect((await provision('inventory', '--dir', dir, '--out', file)).status).toBe(0);
  const listed = execFileSync('ansible-inventory', ['-i', file, '--list'], { encoding: 'utf8' });
  const { _meta, boards } = JSON.parse(listed) as {
    _meta: { hostvars: Record<string, Record<string, unknown>> };
    boards: { hosts: string[] };
  };
  expect(boards.hosts).toEqual(['gate1']);
  expect(_meta.hostvars.gate1).toMatchObject({
    ansible_host: '127.0.0.1',
    ansible_user: 'root',
    base_timezone: 'Europe/Berlin',
    weir_devices: [{ id: 'm1', publish: ['meters/m1/#'], subscribe: [] }],
  });
  const extras = _meta.hostvars.gate1.weir_site_extras as { src: string; mode: string }[];
  for (const { src } of extras) expect(existsSync(src), src).toBe(true);
});

test('a QR code reads back as what was put in, with the key only when asked', async () => {
  const dir = await newSite();
  const { out } = await provision('qr', 'm1', '--dir', dir);
  const content = out.trimEnd().split('\n').at(-1) ?? '';
  expect(content).toMatch(
    /^weir1:\{"broker":"mqtts:\/\/127\.0\.0\.1:8883","id":"m1","ca":"([0-9a-f]{2}:){31}/,
  );
  expect(readBack(out)).toBe(content);
  const withKey = await provision('qr', 'm1', '--with-key', '--dir', dir);
  const key = readFileSync(join(dir, 'devices/m1/device.key'), 'utf8').replace(/-----[^-]+-----|\s/g, '');
  expect(readBack(withKey.out)).toContain(key);
  expect(withKey.out).not.toContain(key);
  expect((await provision('qr', 'gate1', '--dir', dir)).out).toContain('https://127.0.0.1:8443/\n');
});

/** What a phone sees of the terminal: two rows of modules a line, four pixels a module. */
function readBack(out: string): string {
  const lines = out.split('\n').filter((line) => /^[█▀▄ ]+$/.test(line));
  const rows = lines.flatMap((line) => [
    [...line].map((half) => half === '█' || half === '▀'),
    [...line].map((half) => half === '█' || half === '▄'),
  ]);
  const side = Math.min(rows.length, rows[0].length) * 4;
  const data = new Uint8Array(side * side * 4).fill(255);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      data.fill(rows[y >> 2][x >> 2] ? 255 : 0, (y * side + x) * 4, (y * side + x) * 4 + 3);
  return decodeQR({ width: side, height: side, data });
}

test('codes for a terminal are light on dark and dark on light alike: the quiet zone is drawn', () => {
  expect(terminalQr('x').split('\n')[0]).toMatch(/^█+$/);
});
