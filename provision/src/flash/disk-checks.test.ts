import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Refusal, refusalsOf, refuseDisk } from './disk-checks.ts';
import { type DiskFacts, diskFacts, idsOf, type KernelTrees } from './disk-facts.ts';

/**
 * Trees as the kernel gives them for a machine with an SSD (sda: /, through LVM on sda2), a card reader on USB (sdb, two
 * partitions) and an eMMC. Each test changes one thing and sees the one refusal.
 */
const WANTED = { leastBytes: 8e9, mostBytes: 512e9, imageBytes: 2e9 };
const SECTORS_32GB = '62500000';

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

interface Machine {
  trees: KernelTrees;
  put(path: string, content: string): void;
  judge(path?: string): Refusal['check'][];
  facts(path?: string): DiskFacts;
}

function machine(): Machine {
  const root = mkdtempSync(join(tmpdir(), 'weir-trees-'));
  made.push(root);
  const trees = { sys: join(root, 'sys'), proc: join(root, 'proc'), dev: join(root, 'dev') };
  const put = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const link = (path: string, to: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(to, join(root, path));
  };
  const block = (name: string, at: string, number: string, sectors: string, parts: [string, string][]) => {
    const home = `sys/devices/${at}/block/${name}`;
    const known: [string, string][] = [
      ['dev', number],
      ['removable', '0'],
      ['ro', '0'],
      ['size', sectors],
      ['device/model', 'Fine'],
    ];
    for (const [file, content] of known) put(`${home}/${file}`, `${content}\n`);
    link(`sys/block/${name}`, join(root, home));
    for (const [part, partNumber] of [[null, number], ...parts] as [string | null, string][]) {
      const where = part === null ? home : `${home}/${part}`;
      if (part !== null) {
        put(`${where}/dev`, `${partNumber}\n`);
        put(`${where}/partition`, `${part.at(-1)}\n`);
      }
      mkdirSync(join(root, where, 'holders'), { recursive: true });
      link(`sys/class/block/${part ?? name}`, join(root, where));
      link(`sys/dev/block/${partNumber}`, join(root, where));
      put(`dev/${part ?? name}`, '');
    }
    return home;
  };
  const ssd = block('sda', 'pci0000:00/ata1/host0', '8:0', '500000000', [
    ['sda1', '8:1'],
    ['sda2', '8:2'],
  ]);
  block('sdb', 'pci0000:00/usb1/1-2/host4', '8:16', SECTORS_32GB, [
    ['sdb1', '8:17'],
    ['sdb2', '8:18'],
  ]);
  block('mmcblk0', 'platform/soc/mmc_host/mmc0', '179:0', SECTORS_32GB, []);
  const dm = block('dm-0', 'virtual', '253:0', '400000000', []);
  link(`${dm}/slaves/sda2`, join(root, ssd, 'sda2'));
  put(`${ssd}/sda2/holders/dm-0`, '');
  link('dev/disk/by-id/ata-SSD', '../../sda');
  link('dev/disk/by-id/usb-Card-0:0', '../../sdb');
  link('dev/disk/by-id/usb-Card-0:0-part1', '../../sdb1');
  link('dev/disk/by-id/mmc-Chip', '../../mmcblk0');
  put('proc/self/mountinfo', '21 1 253:0 / / rw,relatime - ext4 /dev/mapper/vg-root rw\n');
  put('proc/swaps', 'Filename\tType\tSize\tUsed\tPriority\n');
  const facts = (path = 'disk/by-id/usb-Card-0:0') => {
    const found = diskFacts(join(trees.dev, path), trees);
    if (!found) throw new Error(`no disk ${path}`);
    return found;
  };
  return { trees, put, facts, judge: (path) => refusalsOf(facts(path), WANTED).map(({ check }) => check) };
}

const USB = 'sys/devices/pci0000:00/usb1/1-2/host4/block/sdb';

test('a card in a reader and an eMMC of the right size, named by id, are taken', () => {
  const { judge, facts } = machine();
  expect(judge()).toEqual([]);
  expect(judge('disk/by-id/mmc-Chip')).toEqual([]);
  expect(facts()).toMatchObject({
    id: 'usb-Card-0:0',
    name: 'sdb',
    number: '8:16',
    bytes: 32e9,
    bus: 'usb',
    model: 'Fine',
  });
});

test('a name that changes with the next start is refused, and the lasting one is named', () => {
  const { judge, facts, trees } = machine();
  expect(judge('sdb')).toEqual(['by-id']);
  const disk = facts('sdb');
  const fault = refuseDisk(disk, refusalsOf(disk, WANTED), idsOf('sdb', trees));
  expect(fault).toMatchObject({ code: 'WEIR_FLASH_REFUSED', field: 'by-id' });
  expect(fault.suggestion).toContain('disk/by-id/usb-Card-0:0');
});

test('a partition is refused', () => {
  expect(machine().judge('disk/by-id/usb-Card-0:0-part1')).toContain('whole');
});

test('the root disk is refused, also when the root lies on LVM on one of its partitions', () => {
  expect(machine().judge('disk/by-id/ata-SSD')).toEqual(['removable', 'root', 'holders']);
});

test('a card that the system runs from is refused as root and as mounted', () => {
  const { put, judge } = machine();
  put('proc/self/mountinfo', '21 1 8:18 / / rw - ext4 /dev/root rw\n');
  expect(judge()).toEqual(['root', 'mounted']);
});

test('a disk that is neither removable nor USB nor a card is refused', () => {
  const { put, judge } = machine();
  put('proc/self/mountinfo', '');
  put('sys/devices/pci0000:00/ata1/host0/block/sda/sda2/holders/dm-0', '');
  expect(judge('disk/by-id/ata-SSD')).toContain('removable');
});

test.each([
  ['the disk itself', '30 21 8:16 / /media/card rw - vfat /dev/sdb rw'],
  ['a partition of it', '30 21 8:17 / /media/card rw - vfat /dev/sdb1 rw'],
  ['a file system with a number of its own', '30 21 0:45 / /media/card rw - btrfs /dev/sdb2 rw'],
])('mounted is refused: %s', (_, line) => {
  const { put, judge, facts } = machine();
  put('proc/self/mountinfo', `21 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n${line}\n`);
  expect(judge()).toEqual(['mounted']);
  expect(facts().mounts).toEqual(['/media/card']);
});

test('a path with a space in it is shown as it is', () => {
  const { put, facts } = machine();
  put('proc/self/mountinfo', '30 21 8:17 / /media/my\\040card rw - vfat /dev/sdb1 rw\n');
  expect(facts().mounts).toEqual(['/media/my card']);
});

test('swap in use is refused', () => {
  const { put, judge } = machine();
  put('proc/swaps', 'Filename\tType\tSize\tUsed\tPriority\n/dev/sdb2 partition 1 0 -2\n');
  expect(judge()).toEqual(['swap']);
});

test('a member of md or LVM that is assembled is refused', () => {
  const { put, judge, facts } = machine();
  put(`${USB}/sdb2/holders/md0`, '');
  expect(judge()).toEqual(['holders']);
  expect(facts().holders).toEqual(['sdb2 by md0']);
});

test.each([
  ['LVM', 512, 'LABELONE'],
  ['md', 4096, '\xfc\x4e\x2b\xa9'],
  ['LUKS', 0, 'LUKS\xba\xbe'],
])('a member of %s that nothing has assembled is refused', (what, at, magic) => {
  const { trees, judge, facts } = machine();
  const head = Buffer.alloc(8192);
  head.write(magic, at, 'latin1');
  writeFileSync(join(trees.dev, 'sdb1'), head);
  expect(judge()).toEqual(['signature']);
  expect(facts().signatures).toEqual([`${what} on sdb1`]);
});

test.each([
  ['no medium', '0'],
  ['too small for the board', '15600000'],
  ['larger than any card', '7814037168'],
])('size is refused: %s', (_, sectors) => {
  const { put, judge } = machine();
  put(`${USB}/size`, `${sectors}\n`);
  expect(judge()).toEqual(['size']);
});

test('a disk smaller than the image is refused though the board would take it', () => {
  const { facts } = machine();
  expect(refusalsOf(facts(), { ...WANTED, imageBytes: 33e9 }).map(({ check }) => check)).toEqual(['size']);
});

test('write protection is refused', () => {
  const { put, judge } = machine();
  put(`${USB}/ro`, '1\n');
  expect(judge()).toEqual(['read-only']);
});

test('all reasons come at once', () => {
  const { put, judge } = machine();
  put(`${USB}/ro`, '1\n');
  put(`${USB}/size`, '1\n');
  put(
    'proc/self/mountinfo',
    '30 21 8:17 / /a rw - vfat /dev/sdb1 rw\n31 21 8:18 / /b rw - ext4 /dev/sdb2 rw\n',
  );
  expect(judge('sdb')).toEqual(['by-id', 'read-only', 'mounted', 'mounted', 'size']);
});

test('what is no disk is none', () => {
  const { trees } = machine();
  expect(diskFacts('/dev/null', trees)).toBeNull();
  expect(diskFacts(join(trees.dev, 'sdz'), trees)).toBeNull();
});
