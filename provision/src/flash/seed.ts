import { stringify } from 'yaml';
import type { Fleet, FleetBoard } from '../fleet/model.ts';

/** What a board is told before its first start. */
export interface Seed {
  hostname: string;
  domain: string;
  timezone: string;
  user: string;
  sshKeys: readonly string[];
  interface: string;
  /** With its prefix; null asks DHCP. */
  address: string | null;
  gateway: string | null;
  dns: readonly string[];
  joinSecret: string;
  /** A package that is installed at the first start, without a network. */
  package: { name: string; bytes: Uint8Array } | null;
  /** The site file that it starts with; null: the one of the package. */
  site: string | null;
}

/** A file of the board's root. */
export interface RootFile {
  path: string;
  bytes: Uint8Array;
  /** With the kind of file, as the inode has it. */
  mode: number;
}

export const JOIN_SECRET = '/etc/weir/join-secret';
const SITE_FILE = '/etc/weir/site.yaml';
/** Where the package waits for the first start. */
const PACKAGES = '/var/lib/weir-first-boot';
const REGULAR = 0o100000;

export function seedOf(
  fleet: Fleet,
  board: FleetBoard,
  joinSecret: string,
  first: { package: Seed['package']; site: string | null },
): Seed {
  return {
    hostname: board.name,
    domain: fleet.domain,
    timezone: fleet.timezone,
    user: fleet.user,
    sshKeys: fleet.sshKeys,
    interface: board.interface,
    address: board.address,
    gateway: fleet.gateway,
    dns: fleet.dns,
    joinSecret,
    ...first,
  };
}

/** The three files of cloud-init's NoCloud. `packageAt` is where the package is found at the first start. */
export function cloudInitFiles(
  seed: Seed,
  instance: string,
  packageAt: string | null,
): Record<string, string> {
  return {
    'meta-data': stringify({ 'instance-id': instance, 'local-hostname': seed.hostname }),
    'network-config': stringify(networkConfig(seed), { lineWidth: 0 }),
    'user-data': `#cloud-config\n${stringify(userData(seed, packageAt), { lineWidth: 0 })}`,
  };
}

function userData(seed: Seed, packageAt: string | null): object {
  const isRoot = seed.user === 'root';
  return {
    hostname: seed.hostname,
    fqdn: `${seed.hostname}.${seed.domain}`,
    manage_etc_hosts: true,
    timezone: seed.timezone,
    ssh_pwauth: false,
    disable_root: !isRoot,
    users: [
      isRoot
        ? { name: 'root', lock_passwd: true, ssh_authorized_keys: [...seed.sshKeys] }
        : {
            name: seed.user,
            lock_passwd: true,
            shell: '/bin/bash',
            sudo: 'ALL=(ALL) NOPASSWD:ALL',
            ssh_authorized_keys: [...seed.sshKeys],
          },
    ],
    growpart: { mode: 'auto', devices: ['/'] },
    write_files: [
      { path: JOIN_SECRET, permissions: '0600', content: `${seed.joinSecret}\n` },
      ...(seed.site === null ? [] : [{ path: SITE_FILE, permissions: '0644', content: seed.site }]),
    ],
    ...(packageAt !== null && { runcmd: [['sh', '-c', installLine(packageAt)]] }),
  };
}

/** Nobody is there to be asked whether the package's site file may replace the one that was seeded. */
const KEEP_SITE = '--force-confold';

/** The volume is not mounted at a start; the package is read from it and left there. */
function installLine(packageAt: string): string {
  const install = (path: string) => `DEBIAN_FRONTEND=noninteractive dpkg ${KEEP_SITE} -i ${path}`;
  if (packageAt.startsWith('/')) return `${install(packageAt)} && rm -f ${packageAt}`;
  return `mount -o ro LABEL=CIDATA /mnt && ${install(`/mnt/${packageAt}`)}; umount /mnt`;
}

function networkConfig(seed: Seed): object {
  const isIpv6 = seed.address?.includes(':') ?? false;
  const addressed =
    seed.address === null
      ? { dhcp4: true, 'dhcp-identifier': 'mac' }
      : {
          dhcp4: false,
          addresses: [seed.address],
          ...(seed.gateway !== null && {
            routes: [{ to: isIpv6 ? '::/0' : '0.0.0.0/0', via: seed.gateway }],
          }),
          ...(seed.dns.length > 0 && { nameservers: { addresses: [...seed.dns], search: [seed.domain] } }),
        };
  // A board without a cable starts all the same: nothing waits for the link.
  return {
    version: 2,
    ethernets: { weir: { match: { name: seed.interface }, optional: true, ...addressed } },
  };
}

/** Files for an image without cloud-init: they say the same to systemd, sshd and dpkg directly. */
export function rootFiles(seed: Seed): RootFile[] {
  const text = (path: string, content: string, mode = 0o644): RootFile => ({
    path,
    bytes: Buffer.from(content),
    mode: REGULAR | mode,
  });
  const keys = seed.sshKeys.map((key) => `${key}\n`).join('');
  return [
    text('/etc/hostname', `${seed.hostname}\n`),
    text('/etc/hosts', hostsText(seed)),
    text('/etc/timezone', `${seed.timezone}\n`),
    text('/etc/systemd/network/05-weir.network', networkdText(seed)),
    ...(seed.address !== null && seed.dns.length > 0
      ? [text('/etc/resolv.conf', seed.dns.map((server) => `nameserver ${server}\n`).join(''))]
      : []),
    text('/root/.ssh/authorized_keys', keys, 0o600),
    text(JOIN_SECRET, `${seed.joinSecret}\n`, 0o600),
    ...(seed.site === null ? [] : [text(SITE_FILE, seed.site)]),
    text('/etc/systemd/system/weir-first-boot.service', FIRST_BOOT_UNIT),
    text('/usr/local/sbin/weir-first-boot', FIRST_BOOT, 0o755),
    ...(seed.package
      ? [{ path: packagePath(seed.package.name), bytes: seed.package.bytes, mode: REGULAR | 0o644 }]
      : []),
  ];
}

export function packagePath(name: string): string {
  return `${PACKAGES}/${name}`;
}

/** Links of the board's root, by where they stand. */
export function rootLinks(seed: Seed): Record<string, string> {
  const wants = '/etc/systemd/system/multi-user.target.wants';
  return {
    '/etc/localtime': `/usr/share/zoneinfo/${seed.timezone}`,
    [`${wants}/weir-first-boot.service`]: '/etc/systemd/system/weir-first-boot.service',
    [`${wants}/systemd-networkd.service`]: '/lib/systemd/system/systemd-networkd.service',
  };
}

/** Armbian asks for a password at the first log-in on a terminal, and makes its user there: nobody will sit at one. */
export const ROOT_REMOVED = ['/root/.not_logged_in_yet'] as const;

function hostsText({ hostname, domain }: Seed): string {
  return `127.0.0.1 localhost\n127.0.1.1 ${hostname}.${domain} ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`;
}

function networkdText(seed: Seed): string {
  const lines = ['[Match]', `Name=${seed.interface}`, '', '[Link]', 'RequiredForOnline=no', '', '[Network]'];
  if (seed.address === null) lines.push('DHCP=yes');
  else {
    lines.push(`Address=${seed.address}`);
    if (seed.gateway !== null) lines.push(`Gateway=${seed.gateway}`);
    for (const server of seed.dns) lines.push(`DNS=${server}`);
  }
  return `${lines.join('\n')}\n`;
}

const FIRST_BOOT_UNIT = `[Unit]
Description=First start of a board: the root takes the whole disk, the package is installed
After=local-fs.target
ConditionPathExists=/usr/local/sbin/weir-first-boot

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/weir-first-boot

[Install]
WantedBy=multi-user.target
`;

/**
 * Removes itself last, when all it made is on the disk, so that a power cut starts it again. Keys of ssh that a power cut
 * left empty are made anew; ssh, which found none and gave up, is started then.
 */
const FIRST_BOOT = `#!/bin/sh
set -eu
root=$(findmnt -n -o SOURCE /)
if command -v growpart >/dev/null; then
  disk=/dev/$(lsblk -n -o PKNAME "$root")
  growpart "$disk" "$(cat "/sys/class/block/$(basename "$root")/partition")" || true
fi
if command -v resize2fs >/dev/null; then resize2fs "$root" || true; fi
if ! test -s /etc/ssh/ssh_host_ed25519_key; then
  ssh-keygen -A || true
  systemctl reset-failed ssh.service || true
  systemctl --no-block restart ssh.service || true
fi
for package in ${PACKAGES}/*.deb; do
  test -e "$package" || continue
  DEBIAN_FRONTEND=noninteractive dpkg ${KEEP_SITE} -i "$package"
done
sync
rm -rf ${PACKAGES} /etc/systemd/system/multi-user.target.wants/weir-first-boot.service
rm -f /etc/systemd/system/weir-first-boot.service /usr/local/sbin/weir-first-boot
`;
