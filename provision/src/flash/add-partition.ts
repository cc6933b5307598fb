import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { gptHeader, guidBytes, HEAD_BYTES, type PartitionTable, SECTOR, unfit } from './partition-table.ts';

/** Bytes that go to a place of the disk. */
export interface Patch {
  offset: number;
  bytes: Buffer;
}

export interface Placed {
  /** Where the volume goes. */
  offset: number;
  patches: Patch[];
}

const MEBIBYTE = 1 << 20;
const GPT_TAIL_SECTORS = 33;
/** Microsoft's basic data, which is what FAT volumes have. */
const BASIC_DATA = 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7';

/**
 * Makes room for a volume at the end of the disk and enters it in the table. At the end, so that the root partition
 * can grow up to it at the first start.
 */
export function addPartition(
  head: Buffer,
  table: PartitionTable,
  diskBytes: number,
  volumeBytes: number,
  file: string,
): Placed {
  const tail = table.kind === 'gpt' ? GPT_TAIL_SECTORS * SECTOR : 0;
  const offset = Math.floor((diskBytes - tail - volumeBytes) / MEBIBYTE) * MEBIBYTE;
  const used =
    Math.max(...table.partitions.map(({ firstSector, sectors }) => firstSector + sectors)) * SECTOR;
  if (offset < used) throw unfit(file, 'the disk has no room behind the image for what is seeded');
  const [first, last] = [offset / SECTOR, (offset + volumeBytes) / SECTOR - 1];
  const copy = Buffer.from(head.subarray(0, HEAD_BYTES));
  const patches =
    table.kind === 'mbr'
      ? inMbr(copy, table, first, last, file)
      : inGpt(copy, table, first, last, diskBytes, file);
  return { offset, patches };
}

function inMbr(
  head: Buffer,
  { partitions }: PartitionTable,
  first: number,
  last: number,
  file: string,
): Patch[] {
  const free = [0, 1, 2, 3].find((index) => !partitions.some((one) => one.index === index));
  if (free === undefined) throw unfit(file, 'its four partitions are taken', 'Seed it with --seed files.');
  const at = 446 + free * 16;
  head.fill(0, at, at + 16);
  // FAT16 by sectors; the old geometry says that it lies past what geometry can say.
  head.set([0, 0xfe, 0xff, 0xff, 0x0e, 0xfe, 0xff, 0xff], at);
  head.writeUInt32LE(first, at + 8);
  head.writeUInt32LE(last - first + 1, at + 12);
  return [{ offset: 0, bytes: head.subarray(0, SECTOR) }];
}

function inGpt(
  head: Buffer,
  { partitions }: PartitionTable,
  first: number,
  last: number,
  diskBytes: number,
  file: string,
): Patch[] {
  const { entries, entriesAt } = gptHeader(head, file);
  const free = Array.from({ length: entries }, (_, index) => index).find(
    (index) => !partitions.some((one) => one.index === index),
  );
  if (free === undefined) throw unfit(file, 'its partition table is full', 'Seed it with --seed files.');
  const entry = head.subarray(entriesAt + free * 128, entriesAt + (free + 1) * 128);
  guidBytes(BASIC_DATA).copy(entry);
  guidBytes(randomUUID().toUpperCase()).copy(entry, 16);
  entry.writeBigUInt64LE(BigInt(first), 32);
  entry.writeBigUInt64LE(BigInt(last), 40);
  entry.writeBigUInt64LE(0n, 48);
  entry.fill(0, 56).write('CIDATA', 56, 'utf16le');
  const lastSector = Math.floor(diskBytes / SECTOR) - 1;
  const table = head.subarray(entriesAt, entriesAt + entries * 128);
  // The protective MBR spans the whole disk.
  head.writeUInt32LE(Math.min(lastSector, 0xffff_ffff), 446 + 12);
  const header = head.subarray(SECTOR, SECTOR * 2);
  seal(header, {
    at: 1,
    other: lastSector,
    lastUsable: lastSector - GPT_TAIL_SECTORS,
    entriesAt: entriesAt / SECTOR,
    table,
  });
  const behind = Buffer.from(header);
  const entriesBehind = lastSector - GPT_TAIL_SECTORS + 1;
  seal(behind, {
    at: lastSector,
    other: 1,
    lastUsable: lastSector - GPT_TAIL_SECTORS,
    entriesAt: entriesBehind,
    table,
  });
  return [
    { offset: 0, bytes: head },
    {
      offset: entriesBehind * SECTOR,
      bytes: Buffer.concat([table, Buffer.alloc((GPT_TAIL_SECTORS - 1) * SECTOR - table.length), behind]),
    },
  ];
}

function seal(
  header: Buffer,
  {
    at,
    other,
    lastUsable,
    entriesAt,
    table,
  }: { at: number; other: number; lastUsable: number; entriesAt: number; table: Buffer },
): void {
  header.writeBigUInt64LE(BigInt(at), 24);
  header.writeBigUInt64LE(BigInt(other), 32);
  header.writeBigUInt64LE(BigInt(lastUsable), 48);
  header.writeBigUInt64LE(BigInt(entriesAt), 72);
  header.writeUInt32LE(crc32(table), 88);
  header.writeUInt32LE(0, 16);
  header.writeUInt32LE(crc32(header.subarray(0, header.readUInt32LE(12))), 16);
}
