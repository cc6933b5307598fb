import { mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../run.ts';
import { type Kernel, kernel } from './kernel.ts';
import { rootfs } from './rootfs.ts';

/**
 * An image of Debian for any arm64 machine that starts by UEFI, as one that is downloaded: a partition for the firmware
 * with a boot loader and the kernel, and a root that grows at the first start. Nothing of Weir, no name and no key is in
 * it, those of ssh included. Made without mounting anything.
 */
const MEBIBYTE = 1 << 20;
const ESP = { startMiB: 1, sizeMiB: 128 };
const ROOT = { startMiB: 129, sizeMiB: 1_600 };
/** The table's second copy stands behind. */
const IMAGE_MIB = ROOT.startMiB + ROOT.sizeMiB + 1;
const LABEL = 'debian-root';

const ENTRY = `title Debian
linux /vmlinuz
initrd /initrd.img
options root=LABEL=${LABEL} rw console=ttyAMA0
`;

/** Its processors stand still whenever those of the machine below have other work, and its clock does not. */
const EMULATED = `[Manager]
DefaultTimeoutStartSec=30min
DefaultDeviceTimeoutSec=30min
`;

export async function machineImage(work: string): Promise<string> {
  const [root, esp, image] = ['root', 'esp.img', 'debian.img'].map((name) => join(work, name));
  const starts = await kernel(LABEL, work);
  await makeRoot(root, starts);
  await makeEsp(esp, starts, work);
  writeFileSync(image, '');
  truncateSync(image, IMAGE_MIB * MEBIBYTE);
  const table = [
    'label: gpt',
    `start=${ESP.startMiB}MiB, size=${ESP.sizeMiB}MiB, type=U`,
    `start=${ROOT.startMiB}MiB, size=${ROOT.sizeMiB}MiB, type=L`,
  ];
  writeFileSync(join(work, 'table'), `${table.join('\n')}\n`);
  await must(['sh', '-c', '/usr/sbin/sfdisk --quiet "$1" <"$2"', 'sh', image, join(work, 'table')]);
  const at = [`seek=${ESP.startMiB}`, `if=${esp}`, `of=${image}`];
  await must(['dd', 'status=none', 'conv=notrunc', 'bs=1M', ...at]);
  await must([
    ...['/usr/sbin/mke2fs', '-q', '-F', '-t', 'ext4', '-L', LABEL, '-d', root],
    ...['-E', `offset=${ROOT.startMiB * MEBIBYTE}`, image, `${ROOT.sizeMiB}M`],
  ]);
  rmSync(root, { recursive: true });
  rmSync(esp);
  return image;
}

async function makeRoot(root: string, { modules }: Kernel): Promise<void> {
  mkdirSync(root);
  await must(['tar', '-C', root, '-xf', await rootfs('arm64')]);
  await must(['cp', '--archive', join(modules, 'lib/modules'), join(root, 'usr/lib/')]);
  writeFileSync(join(root, 'etc/hostname'), 'debian\n');
  writeFileSync(join(root, 'etc/machine-id'), '');
  writeFileSync(join(root, 'etc/fstab'), `LABEL=${LABEL} / ext4 defaults 0 1\n`);
  mkdirSync(join(root, 'etc/systemd/system.conf.d'), { recursive: true });
  writeFileSync(join(root, 'etc/systemd/system.conf.d/emulated.conf'), EMULATED);
  const ssh = join(root, 'etc/ssh');
  for (const file of readdirSync(ssh)) if (file.startsWith('ssh_host_')) rmSync(join(ssh, file));
}

/** Firmware without settings looks for the one program of that name. */
async function makeEsp(esp: string, { loader, image, initrd }: Kernel, work: string): Promise<void> {
  writeFileSync(join(work, 'debian.conf'), ENTRY);
  writeFileSync(join(work, 'loader.conf'), 'timeout 0\n');
  await must(['/usr/sbin/mkfs.vfat', '-F', '32', '-C', esp, String(ESP.sizeMiB * 1024)]);
  await must(['mmd', '-i', esp, '::/EFI', '::/EFI/BOOT', '::/loader', '::/loader/entries']);
  for (const [from, to] of [
    [loader, 'EFI/BOOT/BOOTAA64.EFI'],
    [join(work, 'loader.conf'), 'loader/loader.conf'],
    [join(work, 'debian.conf'), 'loader/entries/debian.conf'],
    [image, 'vmlinuz'],
    [initrd, 'initrd.img'],
  ])
    await must(['mcopy', '-i', esp, from, `::/${to}`]);
}
