import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { WeirError } from '@weir/node/contract';
import { unfit } from './partition-table.ts';
import type { Progress } from './progress.ts';

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd';

const MAGICS: [Compression, string][] = [
  ['gzip', '1f8b'],
  ['xz', 'fd377a585a00'],
  ['zstd', '28b52ffd'],
];
/** Nothing that is put onto a card is larger; a bomb of zeros stops here. */
const UNPACKED_MAX = 64e9;
const SUM_FILE_MAX = 1 << 20;

/** Told by what is in it: downloads are renamed. */
export async function compressionOf(path: string): Promise<Compression> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(6), 0, 6, 0);
    return MAGICS.find(([, magic]) => buffer.toString('hex').startsWith(magic))?.[0] ?? 'none';
  } finally {
    await file.close();
  }
}

/** The checksum that its makers published: given, or in a file beside it. Null: there is none. */
export function publishedSum(
  path: string,
  given: string | undefined,
): { sha256: string; from: string } | null {
  if (given !== undefined) {
    if (!/^[0-9a-fA-F]{64}$/.test(given))
      throw new WeirError('WEIR_USAGE', '--sha256 takes 64 hexadecimal digits', { field: 'sha256' });
    return { sha256: given.toLowerCase(), from: '--sha256' };
  }
  const name = basename(path);
  for (const beside of [`${name}.sha256`, `${name}.sha`, 'SHA256SUMS']) {
    const file = join(dirname(path), beside);
    if (!existsSync(file) || statSync(file).size > SUM_FILE_MAX) continue;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const match = /^([0-9a-fA-F]{64})(?:\s+[ *]?(.+))?$/.exec(line.trim());
      if (match && (match[2] === undefined || basename(match[2]) === name))
        return { sha256: match[1].toLowerCase(), from: beside };
    }
  }
  return null;
}

/** Unpacks the image into a file; answers the checksum of what was downloaded. Zeros become holes. */
export async function unpack(
  path: string,
  into: string,
  progress: Progress,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      progress.add(chunk.length);
      done(null, chunk);
    },
  });
  const kind = await compressionOf(path);
  const file = await open(into, 'wx', 0o600);
  let bytes = 0;
  try {
    const write = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of chunks) {
        if (bytes + chunk.length > UNPACKED_MAX) throw unfit(path, 'it unpacks to more than 64 GB');
        if (!isZero(chunk)) await file.write(chunk, 0, chunk.length, bytes);
        bytes += chunk.length;
      }
    };
    await unpacking(kind, source, counted, write, path);
    await file.truncate(bytes);
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    throw new WeirError('WEIR_IMAGE_UNFIT', `${path} cannot be unpacked: ${(cause as Error).message}.`, {
      suggestion: 'Download it again.',
      cause,
    });
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function unpacking(
  kind: Compression,
  source: Readable,
  counted: Transform,
  write: (chunks: AsyncIterable<Buffer>) => Promise<void>,
  path: string,
): Promise<void> {
  if (kind === 'none') await pipeline(source, counted, write);
  else if (kind === 'gzip') await pipeline(source, counted, zlib.createGunzip(), write);
  else if (kind === 'zstd') await pipeline(source, counted, zlib.createZstdDecompress(), write);
  else await throughXz(source, counted, write, path);
}

async function throughXz(
  source: Readable,
  counted: Transform,
  write: (chunks: AsyncIterable<Buffer>) => Promise<void>,
  path: string,
): Promise<void> {
  const child = spawn('xz', ['--decompress', '--stdout'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'ENOENT'
          ? new WeirError('WEIR_TOOL_MISSING', 'xz is not installed; the image is packed with it.', {
              suggestion: 'Install the package xz-utils.',
              cause,
            })
          : cause,
      ),
    );
    child.on('close', resolve);
  });
  const [fed, written, status] = await Promise.allSettled([
    pipeline(source, counted, child.stdin),
    write(child.stdout as AsyncIterable<Buffer>),
    ended,
  ]);
  if (status.status === 'rejected') throw status.reason;
  if (written.status === 'rejected') throw written.reason;
  if (status.value !== 0)
    throw unfit(path, `xz says ${said.trim() || `status ${status.value}`}`, 'Download it again.');
  if (fed.status === 'rejected') throw fed.reason;
}

const ZEROS = Buffer.alloc(1 << 16);

function isZero(chunk: Buffer): boolean {
  for (let at = 0; at < chunk.length; at += ZEROS.length) {
    const part = chunk.subarray(at, at + ZEROS.length);
    if (part.compare(ZEROS, 0, part.length) !== 0) return false;
  }
  return true;
}
