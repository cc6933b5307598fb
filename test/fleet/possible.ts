import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const NEEDED = ['/usr/bin/systemd-nspawn', '/usr/bin/mmdebstrap', '/usr/bin/ansible-playbook'];

/** Why boards cannot be made as containers here; null where they can. */
export function whyNoContainers(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the containers are of Linux on x86-64';
  if (process.getuid?.() !== 0) return 'containers with a systemd of their own need root';
  const missing = NEEDED.filter((path) => !existsSync(path));
  if (missing.length > 0) return `${missing.join(', ')} not installed`;
  const namespaces = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true']);
  if (namespaces.status !== 0) return 'this machine lets nobody make namespaces';
  return null;
}
