import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordCodec } from '../../log/record-codec.ts';
import { isRecordKey, recordKey, seqOfKey } from './record-key.ts';
import { openSegmentDb, type SegmentDb } from './segment-db.ts';
import { MARKER_KEY, syncDirectory } from './segment-files.ts';

/**
 * LevelDB's write-ahead log: blocks of 32 KiB, in them pieces with a head of checksum, length and type. At a flipped
 * bit LevelDB drops the rest of the block and whatever began or ended in it, without a word, and when that is the
 * last block it takes the loss for a torn tail. Records prove themselves, so they are looked for in all pieces.
 */
const BLOCK_BYTES = 32 * 1024;
const PIECE_HEAD_BYTES = 7;
const LAST_TYPE = 4;
const PUTS_AT_ONCE = 64;

type Carve = Required<RecordCodec>['carve'];
type Found = Map<number, Uint8Array>;

/** Opens a segment, and puts back what LevelDB dropped although it is whole. Answers how many records that were. */
export async function openSegmentWhole(
  dir: string,
  carve: Carve,
): Promise<{ db: SegmentDb; putBack: number }> {
  const found: Found = new Map();
  for (const name of await filesOf(dir, /\.log$/)) {
    for (const { seq, bytes } of carve(payloadOfWal(await readFile(join(dir, name))))) found.set(seq, bytes);
  }
  const db = await openSegmentDb(dir);
  try {
    for (const seq of found.size === 0 ? [] : await seqsIn(db, found)) found.delete(seq);
    await putAll(db, found);
    return { db, putBack: found.size };
  } catch (fault) {
    await db.close();
    throw fault;
  }
}

/**
 * Makes a segment anew out of the files of one that does not open: CURRENT or a table is gone, or the manifest is
 * damaged. Table blocks are not compressed, so records stand in the files as they are. The damaged directory is kept
 * beside it until the segment is forgotten.
 */
export async function rebuildSegment(
  logDir: string,
  dir: string,
  aside: string,
  carve: Carve,
): Promise<number> {
  const making = join(logDir, 'making-rebuilt');
  await rm(making, { recursive: true, force: true });
  const db = await openSegmentDb(making, true);
  const seqs = new Set<number>();
  try {
    // In the order in which LevelDB numbered the files, so that what was written last is what stands in the end.
    for (const name of await filesOf(dir, /\.(log|ldb|sst)$/)) {
      const file = await readFile(join(dir, name));
      const found: Found = new Map();
      for (const { seq, bytes } of carve(name.endsWith('.log') ? payloadOfWal(file) : file))
        found.set(seq, bytes);
      await putAll(db, found);
      for (const seq of found.keys()) seqs.add(seq);
    }
    await db.put(MARKER_KEY, new Uint8Array(1), { sync: true });
  } finally {
    await db.close();
  }
  if (seqs.size === 0) {
    await rm(making, { recursive: true, force: true });
    return 0;
  }
  await syncDirectory(making);
  await rm(aside, { recursive: true, force: true });
  await rename(dir, aside);
  await rename(making, dir);
  await syncDirectory(logDir);
  return seqs.size;
}

/** What the pieces hold, one after the other, damaged ones included. */
export function payloadOfWal(file: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let start = 0; start < file.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, file.length);
    let at = start;
    while (at + PIECE_HEAD_BYTES < end) {
      const length = file.readUInt16LE(at + 4);
      const next = at + PIECE_HEAD_BYTES + length;
      // Not a head: nobody knows where the next one is, so the rest of the block is taken as it is.
      const isHead = file[at + 6] <= LAST_TYPE && next <= end;
      pieces.push(file.subarray(at + PIECE_HEAD_BYTES, isHead ? next : end));
      at = isHead ? next : end;
    }
  }
  return Buffer.concat(pieces);
}

async function filesOf(dir: string, ending: RegExp): Promise<string[]> {
  const names = (await readdir(dir)).filter((name) => ending.test(name));
  return names.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}

async function seqsIn(db: SegmentDb, found: Found): Promise<number[]> {
  const sorted = [...found.keys()].sort((a, b) => a - b);
  const seqs: number[] = [];
  for await (const key of db.keys({ gte: recordKey(sorted[0]), lte: recordKey(sorted[sorted.length - 1]) })) {
    if (isRecordKey(key)) seqs.push(seqOfKey(key));
  }
  return seqs;
}

async function putAll(db: SegmentDb, found: Found): Promise<void> {
  const puts = [...found].map(([seq, value]) => ({ type: 'put' as const, key: recordKey(seq), value }));
  for (let at = 0; at < puts.length; at += PUTS_AT_ONCE) {
    await db.batch(puts.slice(at, at + PUTS_AT_ONCE), { sync: true });
  }
}
