import { WeirError } from '@weir/node/contract';

/** Partition tables as they stand in an image: MBR, and GPT of UEFI 2.10, chapter 5. Sectors have 512 bytes. */

export const SECTOR = 512;
/** Of the image's head that has everything: MBR, GPT and its entries. */
export const HEAD_BYTES = 34 * SECTOR;
const ENTRY_BYTES = 128;

export interface Partition {
  /** From 0, its place in the table. */
  index: number;
  firstSector: number;
  sectors: number;
  /** Byte of an MBR, or GUID of a GPT. */
  type: string;
}

export interface PartitionTable {
  kind: 'mbr' | 'gpt';
  partitions: Partition[];
}

const ISO_AT = 32_769;

/** Reads the table of an image; `head` is its first 33 KiB at least. */
export function readTable(head: Buffer, file: string): PartitionTable {
  if (head.subarray(ISO_AT, ISO_AT + 5).toString('latin1') === 'CD001')
    throw unfit(file, 'it is an installer on a CD, not the image of a disk');
  if (head.length < HEAD_BYTES || head.readUInt16LE(510) !== 0xaa55)
    throw unfit(file, 'it has no partition table');
  const mbr = mbrPartitions(head);
  if (head.subarray(SECTOR, SECTOR + 8).toString('latin1') === 'EFI PART')
    return { kind: 'gpt', partitions: gptPartitions(head, file) };
  // Type EE says that there is a GPT: then it is damaged.
  if (mbr.some(({ type }) => type === 'ee')) throw unfit(file, 'its GPT is damaged');
  if (mbr.length === 0) throw unfit(file, 'its partition table is empty');
  return { kind: 'mbr', partitions: mbr };
}

function mbrPartitions(head: Buffer): Partition[] {
  return [0, 1, 2, 3].flatMap((index) => {
    const at = 446 + index * 16;
    const type = head[at + 4].toString(16).padStart(2, '0');
    const [firstSector, sectors] = [head.readUInt32LE(at + 8), head.readUInt32LE(at + 12)];
    return type === '00' || sectors === 0 ? [] : [{ index, firstSector, sectors, type }];
  });
}

function gptPartitions(head: Buffer, file: string): Partition[] {
  const header = gptHeader(head, file);
  return Array.from({ length: header.entries }, (_, index) => index).flatMap((index) => {
    const entry = head.subarray(
      header.entriesAt + index * ENTRY_BYTES,
      header.entriesAt + (index + 1) * ENTRY_BYTES,
    );
    const type = guidText(entry.subarray(0, 16));
    if (/^[0-]+$/.test(type)) return [];
    const [first, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
    return [{ index, firstSector: first, sectors: last - first + 1, type }];
  });
}

export interface GptHeader {
  entries: number;
  entriesAt: number;
}

/** Only what every tool writes: 128 entries of 128 bytes behind the header. */
export function gptHeader(head: Buffer, file: string): GptHeader {
  const [entriesAt, entries, bytes] = [
    Number(head.readBigUInt64LE(SECTOR + 72)) * SECTOR,
    head.readUInt32LE(SECTOR + 80),
    head.readUInt32LE(SECTOR + 84),
  ];
  if (bytes !== ENTRY_BYTES || entries > 128 || entriesAt + entries * bytes > head.length)
    throw unfit(file, 'its GPT is laid out in an unusual way');
  return { entries, entriesAt };
}

/** GUIDs are stored half turned round. */
export function guidText(bytes: Buffer): string {
  const hex = (from: number, to: number, turned: boolean) => {
    const part = Buffer.from(bytes.subarray(from, to));
    return (turned ? part.reverse() : part).toString('hex');
  };
  return [hex(0, 4, true), hex(4, 6, true), hex(6, 8, true), hex(8, 10, false), hex(10, 16, false)]
    .join('-')
    .toUpperCase();
}

export function guidBytes(text: string): Buffer {
  const parts = text.split('-').map((part) => Buffer.from(part, 'hex'));
  return Buffer.concat([...parts.slice(0, 3).map((part) => part.reverse()), ...parts.slice(3)]);
}

export function unfit(file: string, why: string, suggestion?: string): WeirError {
  return new WeirError('WEIR_IMAGE_UNFIT', `${file} cannot be used: ${why}.`, { suggestion });
}
