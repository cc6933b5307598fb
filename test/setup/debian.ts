import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

/**
 * Tests run against real parts from Debian. What is missing is installed when this user may; otherwise it is named
 * and the run fails, so that no test passes by being left out.
 */
const PACKAGES: { name: string; commands: string[]; for: string }[] = [
  { name: 'chromium', commands: ['/usr/bin/chromium'], for: 'the pages are driven in a real browser' },
  {
    name: 'mosquitto-clients',
    commands: ['/usr/bin/mosquitto_pub', '/usr/bin/mosquitto_sub'],
    for: 'MQTT clients that are not ours',
  },
  { name: 'openssl', commands: ['/usr/bin/openssl'], for: 'certificates are judged by another program' },
  { name: 'fdisk', commands: ['/usr/sbin/sfdisk'], for: 'partition tables are judged by another program' },
  { name: 'dosfstools', commands: ['/usr/sbin/fsck.fat'], for: 'FAT volumes likewise' },
  { name: 'mtools', commands: ['/usr/bin/mcopy'], for: 'files in FAT volumes are read back' },
  { name: 'xz-utils', commands: ['/usr/bin/xz'], for: 'images are packed with it' },
  { name: 'e2fsprogs', commands: ['/usr/sbin/debugfs'], for: 'files are put into images' },
  { name: 'ansible-core', commands: ['/usr/bin/ansible-inventory'], for: 'inventories are read by Ansible' },
  { name: 'strace', commands: ['/usr/bin/strace'], for: 'faults of the disk' },
  {
    name: 'ansible-lint',
    commands: ['/usr/bin/ansible-lint', '/usr/bin/ansible-playbook', '/usr/bin/yamllint'],
    for: 'the plays are held to its production profile',
  },
  { name: 'ansible', commands: ['/usr/bin/ansible-community'], for: 'the collections that the plays use' },
  { name: 'shellcheck', commands: ['/usr/bin/shellcheck'], for: 'the shell scripts of boards' },
  {
    name: 'qemu-user-static',
    commands: ['/usr/bin/qemu-aarch64-static', '/usr/bin/qemu-arm-static'],
    for: 'the release for ARM is tried',
  },
  { name: 'mmdebstrap', commands: ['/usr/bin/mmdebstrap'], for: 'libraries of other architectures' },
  { name: 'openssh-server', commands: ['/usr/sbin/sshd', '/usr/bin/ssh'], for: 'backups over ssh' },
  { name: 'iproute2', commands: ['/usr/bin/ip'], for: 'a machine without a network' },
  { name: 'systemd', commands: ['/usr/bin/systemd-analyze'], for: 'the service’s sandbox is judged' },
  { name: 'systemd-container', commands: ['/usr/bin/systemd-nspawn'], for: 'boards as containers' },
];

function present(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // The one answer of interest is whether it can be run.
    return false;
  }
}

const missing = PACKAGES.filter((one) => !one.commands.every(present));
if (missing.length > 0) {
  const names = missing.map((one) => one.name);
  for (const one of missing) process.stderr.write(`needed from Debian: ${one.name} (${one.for})\n`);
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    process.stderr.write(`Install them and run again: sudo apt-get install ${names.join(' ')}\n`);
    process.exit(1);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (args: string[]) =>
    spawnSync('apt-get', args, { stdio: ['ignore', 'inherit', 'inherit'], env }).status;
  if (
    run(['update', '-qq']) !== 0 ||
    run(['install', '-y', '-qq', '--no-install-recommends', ...names]) !== 0
  ) {
    process.stderr.write(`apt-get could not install ${names.join(' ')}; install them and run again.\n`);
    process.exit(1);
  }
}
