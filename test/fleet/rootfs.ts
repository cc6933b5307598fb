import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../run.ts';

/** What a board has: Debian with systemd and ssh, the Python that Ansible asks for, and what switching releases needs. */
const INCLUDED = [
  ...['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'python3', 'python3-apt', 'iproute2', 'procps'],
  'curl',
];
/** A machine of its own besides finds its disks and network, and grows its root. */
const OF_A_MACHINE = [
  'udev',
  'kmod',
  'e2fsprogs',
  'fdisk',
  'cloud-guest-utils',
  'ca-certificates',
  'openssl',
];

export type Architecture = 'amd64' | 'arm64';

/** Kept outside of the tree, since making them takes minutes: systems of boards, and the packages that they install. */
export const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'weir-fleet');

/**
 * A tar of Debian as it is on a fresh board; made once, then kept. Of this machine's architecture for containers; for
 * arm64, whose packages are set up under emulation in minutes, a machine's, still without a kernel.
 */
export async function rootfs(architecture: Architecture = 'amd64'): Promise<string> {
  const tar = join(CACHE, `bookworm-${architecture}.tar`);
  if (existsSync(tar)) return tar;
  mkdirSync(CACHE, { recursive: true });
  const made = `${tar}.${process.pid}.tar`;
  const included = architecture === 'arm64' ? [...INCLUDED, ...OF_A_MACHINE] : INCLUDED;
  await must([
    ...['mmdebstrap', '--quiet', '--variant=minbase', `--architectures=${architecture}`],
    ...[`--include=${included.join(',')}`, 'bookworm', made],
  ]);
  renameSync(made, tar);
  return tar;
}

/** The packages that the plays install and such a board does not have, with their index, as an operator collects them. */
export async function boardPackages(architecture: Architecture = 'amd64'): Promise<string> {
  const dir = join(CACHE, `packages-${architecture}`);
  if (existsSync(join(dir, 'Packages'))) return dir;
  const work = mkdtempSync(join(tmpdir(), 'weir-packages-'));
  try {
    const tar = await rootfs(architecture);
    await must(['tar', '-C', work, '--extract', '--file', tar, './var/lib/dpkg/status']);
    const collect = join(import.meta.dirname, '..', '..', 'ansible', 'collect-packages');
    await must([collect, '--arch', architecture, '--have', join(work, 'var/lib/dpkg/status'), dir]);
  } finally {
    rmSync(work, { recursive: true });
  }
  return dir;
}
