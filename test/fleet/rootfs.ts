import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { must } from './run.ts';

/** What a board has: Debian with systemd and ssh, the Python that Ansible asks for, and what switching releases needs. */
const INCLUDED = [
  ...['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'python3', 'python3-apt', 'iproute2', 'procps'],
  'curl',
];

/** Kept outside of the tree, since making it takes a minute. */
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'weir-fleet');

/** A tar of Debian as it is on a fresh board of this machine's architecture; made once, then kept. */
export async function rootfs(): Promise<string> {
  const tar = join(CACHE, 'bookworm-amd64.tar');
  if (existsSync(tar)) return tar;
  mkdirSync(CACHE, { recursive: true });
  const made = `${tar}.new.tar`;
  await must([
    ...['mmdebstrap', '--quiet', '--variant=minbase', '--architectures=amd64'],
    ...[`--include=${INCLUDED.join(',')}`, 'bookworm', made],
  ]);
  renameSync(made, tar);
  return tar;
}
