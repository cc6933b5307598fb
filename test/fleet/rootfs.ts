import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../run.ts';

/** What a board has: Debian with systemd and ssh, the Python that Ansible asks for, and what switching releases needs. */
const INCLUDED = [
  ...['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'python3', 'python3-apt', 'iproute2', 'procps'],
  'curl',
];

/** Kept outside of the tree, since making them takes minutes: systems of boards, and the packages that they install. */
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'weir-fleet');

/** A tar of Debian as it is on a fresh board of this machine's architecture; made once, then kept. */
export async function rootfs(): Promise<string> {
  const tar = join(CACHE, 'bookworm-amd64.tar');
  if (existsSync(tar)) return tar;
  mkdirSync(CACHE, { recursive: true });
  const made = `${tar}.${process.pid}.tar`;
  await must([
    ...['mmdebstrap', '--quiet', '--variant=minbase', '--architectures=amd64'],
    ...[`--include=${INCLUDED.join(',')}`, 'bookworm', made],
  ]);
  renameSync(made, tar);
  return tar;
}

/** The packages that the plays install and such a board does not have, with their index, as an operator collects them. */
export async function boardPackages(): Promise<string> {
  const dir = join(CACHE, 'packages-amd64');
  if (existsSync(join(dir, 'Packages'))) return dir;
  const work = mkdtempSync(join(tmpdir(), 'weir-packages-'));
  try {
    await must(['tar', '-C', work, '--extract', '--file', await rootfs(), './var/lib/dpkg/status']);
    const collect = join(import.meta.dirname, '..', '..', 'ansible', 'collect-packages');
    await must([collect, '--arch', 'amd64', '--have', join(work, 'var/lib/dpkg/status'), dir]);
  } finally {
    rmSync(work, { recursive: true });
  }
  return dir;
}
