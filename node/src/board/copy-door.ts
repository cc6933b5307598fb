import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { encodeFrame, FRAME, SESSIONS_A_FRAME } from '../backup/frames.ts';
import { encodeSessions, LogPieceWriter } from '../backup/pieces.ts';
import type { CopyStep, SessionEntry } from '../backup/source.ts';
import { LIMITS } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import type { ShardThreads } from './shard-threads.ts';

/** In the data directory: whoever may read that may have a copy of it, and nobody else. */
export const COPY_SOCKET = 'copy.sock';

const LOG_FRAME_BYTES = 512 * 1024;

export interface CopyDoorParts {
  dataDir: string;
  log: CommitLog;
  shards: ShardThreads;
  sessions: () => AsyncIterable<SessionEntry>;
  logger: Logger;
}

/**
 * Where a running appliance gives a copy of itself: HTTP on a socket in its data directory, read by `weir backup` and
 * `weir verify`. Streams are frames with one that says that it was the last, and go as fast as they are taken.
 */
export async function openCopyDoor(parts: CopyDoorParts): Promise<{ close(): Promise<void> }> {
  const path = join(parts.dataDir, COPY_SOCKET);
  // What an appliance has left that was killed; this one holds the log, so no other listens there.
  rmSync(path, { force: true });
  const server = createServer((request, response) => void answer(parts, request, response));
  try {
    server.listen(path);
    await once(server, 'listening');
    chmodSync(path, 0o600);
  } catch (fault) {
    // The path may be too long for a socket. Readings are worth more than copies.
    parts.logger.warn({ err: fault, path }, 'copies of the running appliance cannot be had');
    return { close: async () => {} };
  }
  return { close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

async function answer(
  parts: CopyDoorParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://copy');
  const number = (name: string) => Number(searchParams.get(name) ?? Number.NaN);
  try {
    if (pathname === '/bounds') json(response, parts.log.bounds());
    else if (pathname === '/record') await record(parts, response, number('seq'));
    else if (pathname === '/records') await stream(response, logFrames(parts.log, number('from')));
    else if (pathname === '/shard')
      await stream(response, shardFrames(parts.shards, number('shard'), number('from')));
    else if (pathname === '/sessions') await stream(response, sessionFrames(parts.sessions()));
    else if (pathname === '/verify') json(response, await hashes(parts.shards));
    else response.writeHead(404).end();
  } catch (fault) {
    parts.logger.warn({ err: fault, pathname }, 'a copy was given up');
    // Before the first frame the reason can still be told; after it the stream is cut, which the reader notices.
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end(fault instanceof Error ? fault.message : String(fault));
  }
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function record({ log }: CopyDoorParts, response: ServerResponse, seq: number): Promise<void> {
  const bytes = (await log.get(seq))?.bytes ?? null;
  if (bytes === null) response.writeHead(404).end();
  else response.writeHead(200).end(bytes);
}

async function stream(response: ServerResponse, frames: AsyncIterable<Uint8Array>): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  for await (const frame of frames) {
    gone.signal.throwIfAborted();
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/octet-stream' });
    if (!response.write(frame)) await once(response, 'drain', { signal: gone.signal });
  }
  response.end();
}

async function* logFrames(log: CommitLog, from: number): AsyncGenerator<Uint8Array> {
  const writer = new LogPieceWriter();
  for await (const entry of log.read(from)) {
    writer.add(entry);
    if (writer.bytes >= LOG_FRAME_BYTES || writer.isFull) yield encodeFrame(FRAME.piece, writer.take());
  }
  if (writer.records > 0) yield encodeFrame(FRAME.piece, writer.take());
  yield encodeFrame(FRAME.end, Buffer.from('{}'));
}

async function* shardFrames(shards: ShardThreads, shard: number, minSeq: number): AsyncGenerator<Uint8Array> {
  if (!(shard >= 0 && shard < LIMITS.shards && minSeq <= shards.progress.durable))
    throw new Error(`there is no shard ${shard}`);
  const line = shards.line(shard);
  try {
    await line.call('copy-begin', { shard, minSeq });
    for (;;) {
      const step = await line.call<CopyStep>('copy-next', { shard });
      if ('slab' in step) yield encodeFrame(FRAME.piece, step.slab);
      else {
        yield encodeFrame(FRAME.end, Buffer.from(JSON.stringify(step)));
        return;
      }
    }
  } finally {
    line.close();
  }
}

async function* sessionFrames(sessions: AsyncIterable<SessionEntry>): AsyncGenerator<Uint8Array> {
  let some: SessionEntry[] = [];
  for await (const entry of sessions) {
    some.push(entry);
    if (some.length < SESSIONS_A_FRAME) continue;
    yield encodeFrame(FRAME.piece, encodeSessions(some));
    some = [];
  }
  if (some.length > 0) yield encodeFrame(FRAME.piece, encodeSessions(some));
  yield encodeFrame(FRAME.end, Buffer.from('{}'));
}

async function hashes(shards: ShardThreads): Promise<object[]> {
  const minSeq = shards.progress.durable;
  const threads = [...new Set(shards.threadOfShard)];
  const answers = await Promise.all(
    threads.map(async (thread) => {
      const line = shards.line(shards.threadOfShard.indexOf(thread));
      try {
        return await line.call<object[]>('hashes', { shards: null, minSeq });
      } finally {
        line.close();
      }
    }),
  );
  return answers.flat();
}
