import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { must } from '../run.ts';
import { CACHE } from './rootfs.ts';

/** Debian's kernel for virtual machines, a boot loader for UEFI, and a shell that needs no libraries. */
const PACKAGES = ['linux-image-cloud-arm64', 'systemd-boot-efi', 'busybox-static'];
/** What the root's disk needs before udev is there; ext4 asks for its checksum by a name that no dependency tells. */
const NEEDED = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4'];

export interface Kernel {
  version: string;
  /** The boot loader, the kernel and the initrd. */
  loader: string;
  image: string;
  initrd: string;
  /** `lib/modules` is below it. */
  modules: string;
}

/**
 * What an arm64 machine starts by; Debian's part is fetched once and kept. The packages are unpacked and not installed: nothing of them is run
 * here, where their scripts, an initrd's above all, take emulation a quarter of an hour. Needs cpio and kmod.
 */
export async function kernel(label: string, work: string): Promise<Kernel> {
  const dir = join(CACHE, 'kernel-arm64');
  if (!existsSync(dir)) await collect(dir);
  const image = readdirSync(join(dir, 'boot')).find((one) => one.startsWith('vmlinuz-'));
  if (!image) throw new Error(`there is no kernel in ${dir}/boot`);
  const made = {
    version: image.slice('vmlinuz-'.length),
    loader: join(dir, 'systemd-bootaa64.efi'),
    image: join(dir, 'boot', image),
    initrd: join(work, 'initrd.img'),
    modules: dir,
  };
  await makeInitrd(made, join(dir, 'busybox'), label);
  return made;
}

async function collect(dir: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const [unpacked, kept] = ['unpacked', 'kept'].map((name) => `${dir}.${process.pid}.${name}`);
  await must([
    ...['mmdebstrap', '--quiet', '--variant=extract', '--architectures=arm64'],
    ...[`--include=${PACKAGES.join(',')}`, 'bookworm', unpacked],
  ]);
  const modules = ['usr/lib/modules', 'lib/modules'].find((one) => existsSync(join(unpacked, one)));
  if (!modules) throw new Error('the kernel’s package has no modules');
  mkdirSync(join(kept, 'lib'), { recursive: true });
  for (const [from, to] of [
    ['boot', 'boot'],
    [modules, 'lib/modules'],
    ['usr/lib/systemd/boot/efi/systemd-bootaa64.efi', 'systemd-bootaa64.efi'],
    ['bin/busybox', 'busybox'],
  ])
    await must(['cp', '--archive', join(unpacked, from), join(kept, to)]);
  rmSync(unpacked, { recursive: true });
  const [version] = readdirSync(join(kept, 'lib/modules'));
  await must(['/sbin/depmod', '--basedir', kept, version]);
  renameSync(kept, dir);
}

/** Loads what the disk needs, waits for the disk, and hands over to the system on it. */
const init = (label: string) => `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
while read -r module; do /bin/busybox insmod "/modules/$module"; done </modules/order
until root=$(/bin/busybox findfs LABEL=${label}); do /bin/busybox sleep 1; done
/bin/busybox mount -t ext4 -o rw "$root" /root
/bin/busybox umount /sys /proc
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
`;

async function makeInitrd(made: Kernel, busybox: string, label: string): Promise<void> {
  const tree = `${made.initrd}.d`;
  for (const folder of ['bin', 'dev', 'modules', 'proc', 'root', 'sys'])
    mkdirSync(join(tree, folder), { recursive: true });
  await must(['cp', busybox, join(tree, 'bin/busybox')]);
  const files = new Set<string>();
  for (const module of NEEDED) {
    const where = ['--dirname', made.modules, '--set-version', made.version];
    const says = await must(['/sbin/modprobe', '--show-depends', ...where, module]);
    // The kernel has others built in, and says so.
    for (const [, file] of says.matchAll(/^insmod (\S+)/gm)) files.add(file);
  }
  for (const file of files) await must(['cp', file, join(tree, 'modules')]);
  writeFileSync(join(tree, 'modules/order'), [...files].map((file) => `${basename(file)}\n`).join(''));
  writeFileSync(join(tree, 'init'), init(label), { mode: 0o755 });
  const archive = 'find . -print0 | cpio --null --create --format=newc --quiet';
  await must(['sh', '-c', `cd "$1" && ${archive} >"$2"`, 'sh', tree, made.initrd]);
  rmSync(tree, { recursive: true });
}
