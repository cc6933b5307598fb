import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';

const NEEDED = ['/usr/bin/systemd-nspawn', '/usr/bin/mmdebstrap', '/usr/bin/ansible-playbook'];

/** Why boards cannot be made as containers here; null where they can. */
export function whyNoContainers(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the containers are of Linux on x86-64';
  if (process.getuid?.() !== 0) return 'containers with a systemd of their own need root';
  const missing = NEEDED.filter((path) => !existsSync(path));
  if (missing.length > 0) return `${missing.join(', ')} not installed`;
  const namespaces = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true']);
  if (namespaces.status !== 0) return 'this machine lets nobody make namespaces';
  if (!mayMakeGroups()) return 'this machine lets nobody make control groups';
  return null;
}

/** A systemd makes groups of its own, below the one of systemd where there are several hierarchies. */
function mayMakeGroups(): boolean {
  const own = '/sys/fs/cgroup/systemd';
  try {
    accessSync(existsSync(own) ? own : '/sys/fs/cgroup', constants.W_OK);
    return true;
  } catch {
    // The one answer of interest is whether it can be written.
    return false;
  }
}
