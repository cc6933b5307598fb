import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Where the kernel's trees are. Tests give trees of their own. */
export interface KernelTrees {
  sys: string;
  proc: string;
  dev: string;
}

export const THIS_MACHINE: KernelTrees = Object.freeze({ sys: '/sys', proc: '/proc', dev: '/dev' });

/** What is known of a disk before it may be written. */
export interface DiskFacts {
  /** As it was named: `/dev/disk/by-id/usb-…`. */
  path: string;
  /** Last part of the path: what has to be typed. */
  id: string;
  isById: boolean;
  /** Name of the kernel: `sdb`. */
  name: string;
  /** `8:16`; compared again with what was opened. */
  number: string;
  isWhole: boolean;
  isRemovable: boolean;
  bus: 'usb' | 'mmc' | 'loop' | 'other';
  isReadOnly: boolean;
  bytes: number;
  model: string;
  /** Where it or a part of it is mounted. */
  mounts: string[];
  swaps: string[];
  /** md, LVM, dm-crypt and others that have it open. */
  holders: string[];
  /** What lies on it though nothing has it open now. */
  signatures: string[];
  /** The running system stands on it, also through LVM, md or encryption. */
  isRoot: boolean;
}

/** Null when that is no block device. */
export function diskFacts(path: string, trees: KernelTrees): DiskFacts | null {
  const device = realpath(path);
  if (device === null) return null;
  const name = basename(device);
  const block = realpath(join(trees.sys, 'class/block', name));
  if (block === null) return null;
  const number = read(join(block, 'dev')) ?? '';
  const isWhole = read(join(block, 'partition')) === null;
  const parts = [block, ...partitionsOf(block, name)];
  const numbers = new Set(parts.map((part) => read(join(part, 'dev')) ?? ''));
  const names = new Set(parts.map((part) => basename(part)));
  const mounts = mountsOf(trees);
  return {
    path,
    id: basename(path),
    isById: path.startsWith(`${join(trees.dev, 'disk/by-id')}/`),
    name,
    number,
    isWhole,
    isRemovable: read(join(block, 'removable')) === '1',
    bus: busOf(block, name),
    isReadOnly: read(join(block, 'ro')) === '1',
    bytes: Number(read(join(block, 'size')) ?? 0) * 512,
    model: ['device/vendor', 'device/model', 'device/name']
      .map((file) => read(join(block, file)) ?? '')
      .join(' ')
      .trim(),
    mounts: mounts.filter((one) => isOn(one, numbers, names)).map(({ at }) => at),
    swaps: swapsOf(trees).filter((swap) => names.has(basename(swap))),
    holders: parts.flatMap((part) =>
      list(join(part, 'holders')).map((holder) => `${basename(part)} by ${holder}`),
    ),
    signatures: parts.flatMap((part) => signaturesOf(join(trees.dev, basename(part)), basename(part))),
    isRoot: rootDisks(mounts, trees).has(isWhole ? name : basename(join(block, '..'))),
  };
}

/** Names below `by-id` of every disk, for the fault that says which to take. */
export function idsOf(name: string, trees: KernelTrees): string[] {
  const folder = join(trees.dev, 'disk/by-id');
  return list(folder)
    .filter((id) => basename(realpath(join(folder, id)) ?? '') === name)
    .map((id) => join(folder, id));
}

/** Whole disks of this machine. */
export function diskNames(trees: KernelTrees): string[] {
  return list(join(trees.sys, 'block')).filter((name) => !/^(ram|zram|dm-|md|sr|fd)/.test(name));
}

function partitionsOf(block: string, name: string): string[] {
  return list(block)
    .filter((entry) => entry.startsWith(name) && read(join(block, entry, 'partition')) !== null)
    .map((entry) => join(block, entry));
}

function busOf(block: string, name: string): DiskFacts['bus'] {
  if (/^loop\d+$/.test(name)) return 'loop';
  if (/\/usb\d+\//.test(block)) return 'usb';
  if (/\/mmc_host\//.test(block)) return 'mmc';
  return 'other';
}

interface Mount {
  number: string;
  at: string;
  source: string;
}

/** `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`; see proc(5). */
function mountsOf({ proc }: KernelTrees): Mount[] {
  const text = readFileSync(join(proc, 'self/mountinfo'), 'utf8');
  return text.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    if (after === undefined) return [];
    const [, , number, , at] = before.split(' ');
    return [{ number, at: unescaped(at), source: unescaped(after.split(' ')[1] ?? '') }];
  });
}

/** File systems over several disks have numbers of their own, so that the source counts too. */
function isOn({ number, source }: Mount, numbers: Set<string>, names: Set<string>): boolean {
  if (numbers.has(number)) return true;
  return source.startsWith('/dev/') && names.has(basename(realpath(source) ?? source));
}

function swapsOf({ proc }: KernelTrees): string[] {
  return (read(join(proc, 'swaps')) ?? '')
    .split('\n')
    .slice(1)
    .map((line) => unescaped(line.split(/\s/)[0]))
    .filter((path) => path.startsWith('/dev/'));
}

/** Disks that the root, the boot files and what they are made of lie on. */
function rootDisks(mounts: readonly Mount[], trees: KernelTrees): Set<string> {
  const disks = new Set<string>();
  const visit = (block: string): void => {
    const name = basename(block);
    const slaves = list(join(block, 'slaves'));
    for (const slave of slaves) {
      const under = realpath(join(block, 'slaves', slave));
      if (under !== null) visit(under);
    }
    if (slaves.length === 0)
      disks.add(read(join(block, 'partition')) === null ? name : basename(join(block, '..')));
  };
  for (const { at, number, source } of mounts) {
    if (!['/', '/boot', '/boot/efi', '/boot/firmware', '/usr', '/var'].includes(at)) continue;
    const block =
      realpath(join(trees.sys, 'dev/block', number)) ??
      realpath(join(trees.sys, 'class/block', basename(realpath(source) ?? source)));
    if (block !== null) visit(block);
  }
  return disks;
}

/** Members of LVM, md and LUKS that are not assembled just now: somebody's disks, lying in a drawer. */
const SIGNATURES: { what: string; at: number; magic: Buffer }[] = [
  ...[0, 512, 1024, 1536].map((at) => ({ what: 'LVM', at, magic: Buffer.from('LABELONE') })),
  ...[0, 4096].map((at) => ({ what: 'md', at, magic: Buffer.from('fc4e2ba9', 'hex') })),
  { what: 'LUKS', at: 0, magic: Buffer.from('LUKS\xba\xbe', 'latin1') },
];

function signaturesOf(device: string, name: string): string[] {
  const head = Buffer.alloc(8192);
  let file: number;
  try {
    file = openSync(device, 'r');
  } catch {
    // A reader without a card, or trees of a test without devices: nothing can lie there.
    return [];
  }
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  const found = SIGNATURES.filter(({ at, magic }) => head.subarray(at, at + magic.length).equals(magic));
  return [...new Set(found.map(({ what }) => `${what} on ${name}`))];
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Kernels differ in what they tell; a file that is not there is a fact that is not known.
    return null;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path).toSorted();
  } catch {
    // As above.
    return [];
  }
}

function realpath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    // As above.
    return null;
  }
}
