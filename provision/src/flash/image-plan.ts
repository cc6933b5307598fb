import { open } from 'node:fs/promises';
import { bytesText } from '@weir/node/contract';
import type { BoardKind } from '../boards/boards.ts';
import { HEAD_BYTES, type PartitionTable, readTable, SECTOR, unfit } from './partition-table.ts';

/** What is known of an image once it is unpacked. */
export interface ImagePlan {
  head: Buffer;
  table: PartitionTable;
  /** Where the ext4 with the system begins; null: there is none that can be written to. */
  rootOffset: number | null;
}

const EXT_MAGIC_AT = 1080;
const EXT_MAGIC = 0xef53;
const FAT_TYPES = ['01', '04', '06', '0b', '0c', '0e', 'ef'];
const GPT_FAT_TYPES = ['C12A7328-F81F-11D2-BA4B-00A0C93EC93B', 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7'];

/** Reads the image's head and holds it to what the board can start from. */
export async function planImage(path: string, shownAs: string, board: BoardKind): Promise<ImagePlan> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const read = async (at: number, length: number): Promise<Buffer> => {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, at);
      return buffer.subarray(0, bytesRead);
    };
    // Past the GPT there may be the sign of a CD.
    const head = await read(0, HEAD_BYTES * 3);
    const table = readTable(head, shownAs);
    judge(table, head, board, shownAs);
    for (const { firstSector, sectors } of table.partitions)
      if ((firstSector + sectors) * SECTOR > size)
        throw unfit(
          shownAs,
          `it has ${bytesText(size)}, and a partition ends past that`,
          'Download it again.',
        );
    if (board.loader) {
      const { sector, sectors } = board.loader;
      const loader = await read(sector * SECTOR, sectors * SECTOR);
      if (loader.every((byte) => byte === 0))
        throw unfit(shownAs, `it has no boot loader where the ${board.title} looks for one`, fits(board));
    }
    return { head, table, rootOffset: await rootOf(table, read) };
  } finally {
    await file.close();
  }
}

function judge(table: PartitionTable, head: Buffer, board: BoardKind, file: string): void {
  if (!board.tables.includes(table.kind))
    throw unfit(
      file,
      `it has a ${table.kind.toUpperCase()}, which lies where the ${board.title} has its boot loader`,
      fits(board),
    );
  const [first] = table.partitions;
  const isFat = FAT_TYPES.includes(first.type) || GPT_FAT_TYPES.includes(first.type);
  if (board.firmware === 'fat' && !isFat)
    throw unfit(
      file,
      `its first partition is not FAT, where the ${board.title} has its boot loader`,
      fits(board),
    );
  if (head.length < HEAD_BYTES) throw unfit(file, 'it is shorter than a partition table');
}

function fits(board: BoardKind): string {
  return `Take one of: ${board.images.join('; ')}.`;
}

/** The largest ext file system: boot partitions are small. */
async function rootOf(
  { partitions }: PartitionTable,
  read: (at: number, length: number) => Promise<Buffer>,
): Promise<number | null> {
  for (const { firstSector } of partitions.toSorted((a, b) => b.sectors - a.sectors)) {
    const magic = await read(firstSector * SECTOR + EXT_MAGIC_AT, 2);
    if (magic.length === 2 && magic.readUInt16LE(0) === EXT_MAGIC) return firstSector * SECTOR;
  }
  return null;
}
