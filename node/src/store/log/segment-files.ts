import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { recordKey } from './record-key.ts';
import { openSegmentDb, type SegmentDb } from './segment-db.ts';

/**
 * A segment is a directory named by the first sequence that it owns; it owns all up to the next segment's first. A
 * name with a prefix is a segment that is not there yet or not there any more, and is removed at the next open: both
 * steps end with a rename, so that a power cut between them leaves either the whole segment or none.
 */
const MAKING = 'making-';
const FORGETTING = 'forgetting-';
/** The files of a segment that had to be made again; kept until the segment is forgotten. */
const DAMAGED = 'damaged-';
const NAME = /^\d{16}$/;

/** Sequence 0 is no record: what stands under it is only written to see the disk take a synced write. */
export const MARKER_KEY = recordKey(0);

export function segmentDir(logDir: string, first: number): string {
  return join(logDir, String(first).padStart(16, '0'));
}

export function damagedDir(logDir: string, first: number): string {
  return join(logDir, DAMAGED + first);
}

export async function listSegments(logDir: string): Promise<number[]> {
  const names = await readdir(logDir);
  return names
    .filter((name) => NAME.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

export async function removeLeftovers(logDir: string): Promise<void> {
  const names = await readdir(logDir);
  for (const name of names) {
    // A power cut in the middle of making a segment again: the damaged one is there, the new one is not.
    const dir = segmentDir(logDir, Number(name.slice(DAMAGED.length)));
    if (name.startsWith(DAMAGED) && !names.includes(basename(dir))) await rename(join(logDir, name), dir);
    if (!name.startsWith(MAKING) && !name.startsWith(FORGETTING)) continue;
    await rm(join(logDir, name), { recursive: true, force: true });
  }
}

/**
 * Makes a segment under another name and renames it when it is whole. LevelDB does not sync CURRENT's directory
 * entry by itself when it makes a database: without the synced put, 12 of 96 power cuts left one that did not open.
 */
export async function createSegment(logDir: string, first: number): Promise<SegmentDb> {
  const dir = segmentDir(logDir, first);
  // Made before, by an attempt that failed after the rename: nothing was ever written to it.
  if (existsSync(dir)) return openSegmentDb(dir);
  const making = join(logDir, MAKING + first);
  await rm(making, { recursive: true, force: true });
  const fresh = await openSegmentDb(making, true);
  try {
    await fresh.put(MARKER_KEY, new Uint8Array(1), { sync: true });
  } finally {
    await fresh.close();
  }
  await syncDirectory(making);
  await rename(making, dir);
  await syncDirectory(logDir);
  return openSegmentDb(dir);
}

/** After the rename the segment is gone for good; unlinking its files may be interrupted anywhere. */
export async function removeSegment(logDir: string, first: number): Promise<void> {
  const forgetting = join(logDir, FORGETTING + first);
  await rename(segmentDir(logDir, first), forgetting);
  await syncDirectory(logDir);
  await rm(forgetting, { recursive: true, force: true });
  await rm(damagedDir(logDir, first), { recursive: true, force: true });
}

export async function directoryBytes(dir: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dir)) {
    // LevelDB deletes files of its own accord, so one that was listed may be gone.
    const found = await stat(join(dir, name)).catch(() => null);
    bytes += found?.size ?? 0;
  }
  return bytes;
}

/** Rejects unless the disk takes a synced write now. */
export async function probeDisk(logDir: string): Promise<void> {
  const path = join(logDir, 'making-probe');
  const file = await open(path, 'w');
  try {
    await file.write(new Uint8Array(4096));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rm(path);
}

export async function makeDirectory(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
}

/** A new or renamed entry is durable only after its directory is synced. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
