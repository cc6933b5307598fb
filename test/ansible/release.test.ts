import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../product/appliance.ts';

/**
 * The program that switches releases on a board, over packages that dpkg-deb made. The supervisor and the network are
 * played by two scripts, since the faults of interest are theirs: a release that ends at once, one that is never ready,
 * one that lost readings, and a board that is cut off in the middle. With real ones it runs in test/fleet.
 */
const PROGRAM = join(import.meta.dirname, '../../ansible/roles/weir/files/weir-release');
const SLOW_MS = 120_000;

const WEIR = `#!/bin/sh
case $1 in
  --version) echo VERSION ;;
  ledger) [ "$WEIR_TOKEN" = secret ] && echo "{\\"received\\":9,\\"counted\\":$(cat "$STATE/counted.VERSION")}" ;;
  check) ! grep -q faulty "$2" ;;
esac
`;

const SYSTEMCTL = `#!/bin/bash
echo "$*" >>"$STATE/asked"
case "$*" in
  stop*) rm -f "$STATE/running" ;;
  *NRestarts*) cat "$STATE/restarts" ;;
  is-failed*) echo active ;;
  *--no-block\\ start*) basename "$(readlink "$STATE/../opt/current")" >"$STATE/running"
    echo 0 >"$STATE/restarts"
    ! grep -qs "$(cat "$STATE/running")" "$STATE/ending" || echo 5 >"$STATE/restarts" ;;
esac
`;

const CURL = `#!/bin/bash
running=$(cat "$STATE/running" 2>/dev/null) || exit 7
! grep -qs "$running" "$STATE/ending" || exit 7
case "\${*: -1}" in
  */version) echo "{\\"name\\":\\"weir\\",\\"version\\":\\"$running\\"}" ;;
  */readyz) ! grep -qs "$running" "$STATE/unready" && ! grep -q refused "$STATE/../etc/site.yaml" ;;
esac
`;

let dir: string;
const state = (name: string) => join(dir, 'state', name);
const env = () => ({
  ...process.env,
  PATH: `${join(dir, 'bin')}:${process.env.PATH}`,
  STATE: join(dir, 'state'),
  WEIR_RELEASE_CONF: join(dir, 'release.conf'),
});

function executable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

function release(...args: string[]): { status: number | null; says: string } {
  const { status, stdout, stderr } = spawnSync(PROGRAM, args, { encoding: 'utf8', env: env() });
  return { status, says: `${stdout}${stderr}` };
}

/** A package of a program that is what the test needs. */
function deb(version: string, extra = ''): string {
  const tree = join(dir, 'tree');
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  mkdirSync(join(tree, 'usr/lib/weir'), { recursive: true });
  mkdirSync(join(tree, 'usr/lib/systemd/system'), { recursive: true });
  const arch = spawnSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).stdout.trim();
  writeFileSync(
    join(tree, 'DEBIAN/control'),
    `Package: weir\nVersion: ${version}\nArchitecture: ${arch}\nMaintainer: none <none@localhost>\nDescription: a test's\n`,
  );
  executable(join(tree, 'usr/lib/weir/weir'), WEIR.replaceAll('VERSION', version) + extra);
  writeFileSync(join(tree, 'usr/lib/systemd/system/weir.service'), `# of ${version}\n`);
  const out = join(dir, `${version}.deb`);
  const built = spawnSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, out], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  rmSync(tree, { recursive: true });
  writeFileSync(state(`counted.${version}`), '5\n');
  return out;
}

const running = () => readFileSync(state('running'), 'utf8').trim();
const linked = (name: string) => readlinkSync(join(dir, 'opt', name)).replace('releases/', '');
/** What has it started at boot must not name a release, which is forgotten one day. */
const atBoot = () => readlinkSync(join(dir, 'units/multi-user.target.wants/weir.service'));
const unit = () => readFileSync(join(dir, 'units/weir.service'), 'utf8').trim();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-release-'));
  for (const one of ['bin', 'opt', 'etc', 'state', 'units']) mkdirSync(join(dir, one));
  executable(join(dir, 'bin/systemctl'), SYSTEMCTL);
  executable(join(dir, 'bin/curl'), CURL);
  writeFileSync(join(dir, 'etc/token'), 'secret');
  writeFileSync(join(dir, 'etc/site.yaml'), 'weir: 1\n');
  writeFileSync(
    join(dir, 'release.conf'),
    [`ROOT=${dir}/opt`, `UNIT_DIR=${dir}/units`, `SITE=${dir}/etc/site.yaml`, `TOKEN_FILE=${dir}/etc/token`]
      .concat('READY_SECONDS=8', '')
      .join('\n'),
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a release', { timeout: SLOW_MS }, () => {
  test('is unpacked beside the running one, once, and never replaced by another of its version', () => {
    expect(release('add', deb('0.1.0'))).toMatchObject({ status: 0, says: 'added 0.1.0\n' });
    expect(release('add', join(dir, '0.1.0.deb'))).toMatchObject({ status: 0, says: 'unchanged 0.1.0\n' });
    const other = release('add', deb('0.1.0', '# other\n'));
    expect(other.status).toBe(1);
    expect(other.says).toContain('other contents');
  });

  test('that is well runs with its own unit, and the one before is kept to go back to', () => {
    release('add', deb('0.1.0'));
    release('add', deb('0.2.0'));
    expect(release('use', '0.1.0').status).toBe(0);
    expect(release('use', '0.2.0')).toMatchObject({
      status: 0,
      says: 'now 0.2.0, before 0.1.0; 5 readings counted\n',
    });
    expect([running(), linked('current'), linked('previous'), unit()]).toEqual([
      '0.2.0',
      '0.2.0',
      '0.1.0',
      '# of 0.2.0',
    ]);
    expect(existsSync(join(dir, 'opt/trial'))).toBe(false);
    expect(atBoot()).toBe('../weir.service');
    expect(release('back').status).toBe(0);
    expect([running(), linked('current'), linked('previous'), unit()]).toEqual([
      '0.1.0',
      '0.1.0',
      '0.2.0',
      '# of 0.1.0',
    ]);
  });

  test.each([
    ['ends again and again', () => writeFileSync(state('ending'), '0.2.0\n')],
    ['is never ready', () => writeFileSync(state('unready'), '0.2.0\n')],
    ['misses readings that were counted', () => writeFileSync(state('counted.0.2.0'), '4\n')],
  ])('that %s goes back by itself', (_what, spoil) => {
    release('add', deb('0.1.0'));
    release('add', deb('0.2.0'));
    release('use', '0.1.0');
    spoil();
    const switched = release('use', '0.2.0');
    expect(switched.status).toBe(1);
    expect(switched.says).toContain('release 0.2.0 is not well; 0.1.0 runs again');
    expect([running(), linked('current'), unit()]).toEqual(['0.1.0', '0.1.0', '# of 0.1.0']);
    expect(existsSync(join(dir, 'opt/trial'))).toBe(false);
  });

  // Row 6 of the faults to survive: a cut during an update of the software.
  test('whose trial a power cut ends is left at the next boot', async () => {
    release('add', deb('0.1.0'));
    release('add', deb('0.2.0'));
    release('use', '0.1.0');
    writeFileSync(state('unready'), '0.2.0\n');
    const switching: ChildProcess = spawn(PROGRAM, ['use', '0.2.0'], {
      env: env(),
      stdio: 'ignore',
      detached: true,
    });
    const ended = once(switching, 'exit');
    await until(
      'the new release to be on trial',
      () => existsSync(state('running')) && running() === '0.2.0',
      SLOW_MS,
    );
    process.kill(-switching.pid!, 'SIGKILL');
    await ended;
    expect([linked('current'), readFileSync(join(dir, 'opt/trial'), 'utf8')]).toEqual(['0.2.0', '0.1.0\n']);
    expect(release('settle').status).toBe(0);
    expect([linked('current'), unit()]).toEqual(['0.1.0', '# of 0.1.0']);
    expect(existsSync(join(dir, 'opt/trial'))).toBe(false);
  });

  test('of the newest few is kept, the running one and the one before always', () => {
    for (const version of ['0.1.0', '0.2.0', '0.3.0']) {
      release('add', deb(version));
      expect(release('use', version).status).toBe(0);
    }
    expect(release('list').says).toBe('0.2.0 previous\n0.3.0 current\n');
  });
});

describe('a site file', { timeout: SLOW_MS }, () => {
  beforeEach(() => {
    release('add', deb('0.1.0'));
    release('use', '0.1.0');
  });

  const site = (text: string) => {
    writeFileSync(join(dir, 'next.yaml'), text);
    return release('site', join(dir, 'next.yaml'));
  };

  test('that is new is applied, and the same again changes nothing', () => {
    expect(site('weir: 1\nsite: {}\n').says).toContain('applied');
    expect(site('weir: 1\nsite: {}\n').says).toBe('unchanged\n');
  });

  test('with a fault is refused before anything is stopped', () => {
    rmSync(state('asked'));
    expect(site('faulty').status).not.toBe(0);
    expect(existsSync(state('asked'))).toBe(false);
    expect(readFileSync(join(dir, 'etc/site.yaml'), 'utf8')).toBe('weir: 1\n');
  });

  test('that the appliance is not ready with gives way to the one before', () => {
    const applied = site('refused\n');
    expect(applied.status).toBe(1);
    expect(applied.says).toContain('the one before is back');
    expect(readFileSync(join(dir, 'etc/site.yaml'), 'utf8')).toBe('weir: 1\n');
    expect(running()).toBe('0.1.0');
  });
});
