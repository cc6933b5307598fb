import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { WeirError } from '@weir/node/contract';
import type { Progress } from './progress.ts';

const CHUNK = 4 << 20;
/** The head of a disk is zeros until the rest is there: a card that was pulled out does not start half an image. */
const HEAD = 1 << 20;
/** Written and synced in pieces, so that the progress shown is the disk's and not the memory's. */
const SYNC_EVERY = 64 << 20;

/** What goes onto the disk: the first bytes of a file. */
export interface Extent {
  from: number;
  to: number;
}

/**
 * Opens a disk for itself. The kernel refuses when anything has it open or mounted, and the number of what was opened
 * is compared with what was judged, since names can be moved in between.
 */
export async function openDisk(path: string, number: string): Promise<FileHandle> {
  let disk: FileHandle;
  try {
    disk = await open(path, constants.O_RDWR | constants.O_EXCL);
  } catch (cause) {
    const busy = (cause as NodeJS.ErrnoException).code === 'EBUSY';
    throw new WeirError(
      'WEIR_FLASH_REFUSED',
      `${path} cannot be opened: ${busy ? 'something uses it' : (cause as Error).message}.`,
      {
        field: busy ? 'busy' : 'open',
        cause,
      },
    );
  }
  const { rdev } = await disk.stat({ bigint: true });
  if (numberOf(rdev) === number) return disk;
  await disk.close();
  throw new WeirError('WEIR_FLASH_REFUSED', `${path} is another disk than a moment ago.`, {
    field: 'changed',
  });
}

/** `8:16` of the number that stat gives; see makedev(3). */
function numberOf(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return `${major}:${minor & 0xffff_ffffn}`;
}

/** Copies the extents of a file to the same places of a disk; answers the checksum of all of them. */
export async function writeExtents(
  source: FileHandle,
  disk: FileHandle,
  extents: readonly Extent[],
  progress: Progress,
): Promise<string> {
  const hash = createHash('sha256');
  const head = Buffer.alloc(Math.min(HEAD, extents[0].to));
  try {
    await writeAll(disk, Buffer.alloc(head.length), 0);
    await disk.sync();
    let sinceSync = 0;
    for await (const { at, bytes } of pieces(source, extents)) {
      hash.update(bytes);
      const kept = Math.max(0, Math.min(bytes.length, head.length - at));
      if (kept > 0) bytes.copy(head, at, 0, kept);
      if (kept < bytes.length) await writeAll(disk, bytes.subarray(kept), at + kept);
      progress.add(bytes.length);
      sinceSync += bytes.length;
      if (sinceSync >= SYNC_EVERY) {
        await disk.sync();
        sinceSync = 0;
      }
    }
    await disk.sync();
    await writeAll(disk, head, 0);
    await disk.sync();
  } catch (cause) {
    throw new WeirError('WEIR_FLASH_FAILED', `the disk took no more: ${(cause as Error).message}.`, {
      cause,
    });
  }
  return hash.digest('hex');
}

/** Reads the extents again, past the memory that the kernel keeps of what was written. */
export async function checksumOf(
  path: string,
  extents: readonly Extent[],
  isDevice: boolean,
  progress: Progress,
): Promise<string> {
  const hash = createHash('sha256');
  for (const { from, to } of extents) {
    const where = [`skip=${from}B`, `count=${to - from}B`].map((word) => word.replace(/B$/, ''));
    const flags = `iflag=${isDevice ? 'direct,' : ''}skip_bytes,count_bytes,fullblock`;
    await read(['bs=1M', 'status=none', `if=${path}`, flags, ...where], (chunk) => {
      hash.update(chunk);
      progress.add(chunk.length);
    });
  }
  return hash.digest('hex');
}

async function read(args: string[], take: (chunk: Buffer) => void): Promise<void> {
  const child = spawn('dd', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) take(chunk);
  if ((await ended) !== 0)
    throw new WeirError('WEIR_FLASH_FAILED', `the disk does not read back: ${said.trim()}.`);
}

async function* pieces(
  source: FileHandle,
  extents: readonly Extent[],
): AsyncGenerator<{ at: number; bytes: Buffer }> {
  for (const { from, to } of extents) {
    for (let at = from; at < to; ) {
      const buffer = Buffer.alloc(Math.min(CHUNK, to - at));
      const { bytesRead } = await source.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error('the image became shorter while it was read');
      yield { at, bytes: buffer.subarray(0, bytesRead) };
      at += bytesRead;
    }
  }
}

async function writeAll(disk: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await disk.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
