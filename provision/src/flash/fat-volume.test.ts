import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { addPartition } from './add-partition.ts';
import { fatVolume, volumeBytesFor } from './fat-volume.ts';
import { readTable, SECTOR } from './partition-table.ts';

const SLOW = 60_000;

function temporary(): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-fat-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const run = (command: string, args: string[], input?: string) =>
  execFileSync(command, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });

test(
  'dosfstools finds no fault in a volume, mtools and the kernel’s tools read its files back',
  () => {
    const dir = temporary();
    const files = [
      { name: 'user-data', bytes: Buffer.from('#cloud-config\n') },
      { name: 'meta-data', bytes: Buffer.alloc(0) },
      { name: 'a name that is longer than thirteen.deb', bytes: Buffer.alloc(5_000_001, 'weir') },
    ];
    const image = join(dir, 'cidata');
    writeFileSync(image, fatVolume('CIDATA', files, volumeBytesFor(files)));
    expect(run('/usr/sbin/fsck.fat', ['-n', '-v', image])).toContain('4 files');
    const found = run('/usr/sbin/blkid', ['-p', '-o', 'export', image]);
    expect(found).toContain('LABEL=CIDATA\n');
    expect(found).toContain('TYPE=vfat\n');
    for (const { name, bytes } of files) {
      run('mcopy', ['-i', image, `::${name}`, join(dir, 'back')]);
      expect(readFileSync(join(dir, 'back')).equals(bytes), name).toBe(true);
      rmSync(join(dir, 'back'));
    }
  },
  SLOW,
);

test(
  'large volumes take larger clusters; the same files give the same bytes',
  () => {
    const files = [{ name: 'weir.deb', bytes: Buffer.alloc(60 << 20, 7) }];
    const dir = temporary();
    const volume = fatVolume('CIDATA', files, volumeBytesFor(files));
    writeFileSync(join(dir, 'v'), volume);
    expect(run('/usr/sbin/fsck.fat', ['-n', join(dir, 'v')])).toContain('2 files');
    expect(fatVolume('CIDATA', files, volumeBytesFor(files)).equals(volume)).toBe(true);
  },
  SLOW,
);

test.each([
  ['mbr', 'label: dos\nstart=2048, size=16384, type=c\nstart=18432, size=40960, type=83\n'],
  ['gpt', 'label: gpt\nstart=2048, size=16384, type=uefi\nstart=18432, size=40960, type=linux\n'],
])(
  'a partition is added at the end of a larger disk, and sfdisk finds no fault: %s',
  (kind, script) => {
    const image = join(temporary(), 'image');
    run('truncate', ['-s', '32M', image]);
    run('/usr/sbin/sfdisk', ['-q', image], script);
    const before = readTable(readFileSync(image), 'image');
    expect(before.kind).toBe(kind);
    expect(before.partitions.map(({ firstSector, sectors }) => [firstSector, sectors])).toEqual([
      [2048, 16384],
      [18432, 40960],
    ]);
    const diskBytes = 100 * (1 << 20) + 3 * SECTOR;
    const { offset, patches } = addPartition(readFileSync(image), before, diskBytes, 8 << 20, 'image');
    run('truncate', ['-s', String(diskBytes), image]);
    const disk = readFileSync(image);
    for (const patch of patches) patch.bytes.copy(disk, patch.offset);
    writeFileSync(image, disk);
    expect(run('/usr/sbin/sfdisk', ['--verify', image])).toContain('No errors detected');
    const dump = JSON.parse(run('/usr/sbin/sfdisk', ['--json', image])) as {
      partitiontable: { partitions: { start: number; size: number; name?: string }[] };
    };
    const { partitions } = dump.partitiontable;
    expect(partitions.map(({ start, size }) => [start, size])).toEqual([
      [2048, 16384],
      [18432, 40960],
      [offset / SECTOR, (8 << 20) / SECTOR],
    ]);
    // At the end, but for what rounding to mebibytes and the table behind take.
    expect(diskBytes - offset).toBeLessThan(11 << 20);
    expect(readTable(disk, 'image').partitions).toHaveLength(3);
  },
  SLOW,
);

test('what is no disk image is told from one that is', () => {
  const iso = Buffer.alloc(64 << 10);
  iso.write('CD001', 32_769);
  expect(() => readTable(iso, 'debian.iso')).toThrow('installer');
  expect(() => readTable(Buffer.alloc(64 << 10), 'x')).toThrow('no partition table');
  expect(() => readTable(Buffer.alloc(100), 'x')).toThrow('no partition table');
});
