import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Says that the store was created to its end. LevelDB leaves files alone whose names it does not know. */
const MARKER = 'WEIR-STORE';

export interface StoreFiles {
  /** Was created to its end, so that CURRENT must be there and nothing may be created in its place. */
  marked: boolean;
  current: boolean;
  tables: number;
}

export async function surveyFiles(dir: string): Promise<StoreFiles> {
  await mkdir(dir, { recursive: true });
  const names = await readdir(dir);
  return {
    marked: names.includes(MARKER),
    current: names.includes('CURRENT'),
    tables: names.filter((name) => /\.(ldb|sst)$/.test(name)).length,
  };
}

/** Only after LevelDB's own files are safe: a marker must never be there before they are. */
export async function markCreated(dir: string): Promise<void> {
  await syncPath(dir);
  const marker = await open(join(dir, MARKER), 'w');
  await syncThenClose(marker, 'weir store of runs, version 1\n');
  await syncPath(dir);
  await syncPath(dirname(dir));
}

/** What a power cut left of a store that was never created to its end. It cannot hold anything yet. */
export async function clearUnborn(dir: string): Promise<void> {
  for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true });
}

/** Free bytes for this process on the file system of the store. */
export async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

/**
 * Moves a store that does not open out of the way, to `<dir>.damaged-<n>`, so that an empty one can be started in
 * its place. The newest is kept for whoever wants to look, older ones go: damage must not fill the disk.
 */
export async function setStoreAside(dir: string): Promise<string> {
  const parent = dirname(dir);
  const prefix = `${basename(dir)}.damaged-`;
  const earlier = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  const numbers = earlier.map((name) => Number(name.slice(prefix.length))).filter(Number.isSafeInteger);
  const aside = join(parent, `${prefix}${Math.max(0, ...numbers) + 1}`);
  await rename(dir, aside);
  for (const name of earlier) await rm(join(parent, name), { recursive: true, force: true });
  await syncPath(parent);
  return aside;
}

export async function bytesOnDisk(dir: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dir)) {
    const found = await stat(join(dir, name)).catch((fault: NodeJS.ErrnoException) => {
      if (fault.code === 'ENOENT') return null;
      throw fault;
    });
    bytes += found?.size ?? 0;
  }
  return bytes;
}

async function syncPath(path: string): Promise<void> {
  await syncThenClose(await open(path, 'r'), null);
}

async function syncThenClose(handle: FileHandle, text: string | null): Promise<void> {
  try {
    if (text !== null) await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
