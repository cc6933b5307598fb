import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOfRelease } from '../../provision/src/package/checksums.ts';
import { makeReleaseKey } from '../../provision/src/package/release-key.ts';
import { whyNoContainers } from '../fleet/possible.ts';
import { must } from '../run.ts';
import { executable, type Program, unpackedForArmhf } from './program.ts';
import { smoke } from './smoke.ts';

/**
 * A release is built as `npm run package` builds it, for this machine and for a board, and tried: the board's executable
 * emulated, and the package by the shipped plays on a container with systemd. The sizes, and that two builds are equal, are
 * tried by the scripts that HACKING.md names.
 */
const LONG_MS = 600_000;
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const root = mkdtempSync(join(tmpdir(), 'weir-package-'));
const release = join(root, 'package');
const host = process.arch === 'arm64' ? 'arm64' : 'x64';
let native: Program;
let publicKey: string;

beforeAll(async () => {
  const key = makeReleaseKey(join(root, 'release.key'));
  publicKey = key.public;
  const args = [
    '--out',
    release,
    '--quick',
    '--only',
    'x64,arm64,arm',
    '--epoch',
    '1767225600',
    '--key',
    key.key,
  ];
  await promisify(execFile)(process.execPath, ['provision/src/package/main.ts', ...args]);
  native = await executable(release, version, host);
}, LONG_MS);
afterAll(() => rmSync(root, { recursive: true }));

test(
  'the executable takes readings, survives kill -9, answers and serves its page',
  async () => {
    expect((await smoke(native, native)).name).toBe(host);
  },
  LONG_MS,
);

test.runIf(host === 'x64')(
  'the one for ARM does the same, and its state has the hash that x86 makes of its log',
  async () => {
    expect((await smoke(await executable(release, version, 'arm64'), native)).name).toBe('arm64');
  },
  LONG_MS,
);

test.runIf(host === 'x64')(
  'the package for armhf does the same on Debian’s own Node',
  async () => {
    const unpacked = join(root, 'armhf');
    execFileSync('dpkg-deb', ['--extract', join(release, `weir_${version}_armhf.deb`), unpacked]);
    expect((await smoke(await unpackedForArmhf(unpacked), native)).name).toBe('armhf');
  },
  LONG_MS,
);

const why = whyNoContainers();
if (why !== null) process.stderr.write(`no board is set up by the plays: ${why}\n`);
test.runIf(why === null)(
  'the shipped plays set a board up with it from nothing, and a second run changes nothing',
  async () => {
    // It tidies up when this process is killed, too.
    const line = ['setpriv', '--pdeathsig=TERM', process.execPath, 'test/fleet/nspawn.ts'];
    const deb = join(release, `weir_${version}_amd64.deb`);
    const options = ['--deb', deb, '--part', 'short', '--boards', '1', '--minutes', '9'];
    const said = await must([...line, ...options], { withinMs: LONG_MS });
    expect(said).toContain('changed=0 on 1');
    expect(said).toMatch(/ready, ledgers reconcile, no trial, \d+ hashes/);
  },
  LONG_MS,
);

test('every command tells of itself from the executable', () => {
  const weir = (...args: string[]) => execFileSync(native.line[0], args, { encoding: 'utf8' });
  expect(weir('--version').trim()).toBe(version);
  for (const section of ['.SS weir up', '.SS weir sim', '.SS weir bench', '.SS weir man']) {
    expect(weir('man')).toContain(section);
  }
  expect(weir('check', 'node/sites/utility.yaml')).toContain('is fine');
  expect(weir('sim', 'utility', '--print', '--count', '1', '--seed', 'x')).toContain('"topic"');
});

test('the release is signed as a whole', () => {
  expect(faultsOfRelease(release, publicKey)).toEqual([]);
});

test('the Debian package has the service, its documents, and files that are root’s', () => {
  const deb = join(release, `weir_${version}_arm64.deb`);
  const content = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' });
  for (const path of [
    './usr/lib/systemd/system/weir.service',
    './usr/share/man/man1/weir.1.gz',
    './usr/share/bash-completion/completions/weir',
    './etc/weir/site.yaml',
  ])
    expect(content).toMatch(new RegExp(`^-rw-r--r-- root/root .* ${path.replaceAll('.', '\\.')}$`, 'm'));
  expect(content).toMatch(/ \.\/usr\/bin\/weir -> \.\.\/lib\/weir\/weir$/m);
  const times = new Set([...content.matchAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g)].map(([time]) => time));
  expect(times.size).toBe(1);
  expect(execFileSync('dpkg-deb', ['--field', deb, 'Architecture'], { encoding: 'utf8' }).trim()).toBe(
    'arm64',
  );
  expect(statSync(deb).size).toBeGreaterThan(20e6);
});

test('the unit’s exposure is at most 2.5', () => {
  const args = ['security', '--offline=true', '--threshold=25', 'provision/debian/weir.service'];
  expect(() => execFileSync('systemd-analyze', args, { stdio: 'ignore' })).not.toThrow();
});
