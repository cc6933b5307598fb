import { createHash } from 'node:crypto';
import { LIMITS } from '../contract/index.ts';
import type { LogEntry } from '../log/port.ts';
import type { CopiedFile, LogPiece, Manifest } from './manifest.ts';
import { encodeSessions, LogPieceWriter } from './pieces.ts';
import type { Repository } from './repository.ts';
import type { BackupSource, SessionEntry } from './source.ts';

/** Of records: a sealed piece of the log is never copied again. */
const LOG_PIECE_BYTES = 8 * 1024 * 1024;
const SESSION_PIECE_BYTES = 1024 * 1024;

export interface About {
  weir: string;
  site: string;
  nowMs: number;
  files: { name: CopiedFile; bytes: Uint8Array }[];
}

/**
 * Copies what the repository does not have, and then writes the list of it all. The shards come first, each at a
 * position of its own, and the log after them, so that it reaches past every position: a restored appliance replays
 * the rest as it would after a power cut. Interrupted at any place, the pieces stay and the next backup goes on.
 */
export async function makeBackup(
  source: BackupSource,
  repository: Repository,
  about: About,
  progress: (what: string, done: number, of: number) => void,
): Promise<{ id: string; manifest: Manifest }> {
  const shards: Manifest['shards'] = [];
  // One checkpoint serves all of them, unless it is overtaken by another.
  const { last } = await source.bounds();
  for (let shard = 0; shard < LIMITS.shards; shard++) {
    shards.push(await copyShard(source, repository, shard, last));
    progress('shards', shard + 1, LIMITS.shards);
  }
  const sessions = await copySessions(source, repository);
  const files: Manifest['files'] = [];
  for (const { name, bytes } of about.files) files.push({ name, object: await repository.put(bytes) });
  const log = await copyLog(source, repository, progress);
  const manifest: Manifest = {
    format: 'weir backup',
    version: 1,
    weir: about.weir,
    site: about.site,
    createdAt: about.nowMs,
    data: 1,
    files,
    log,
    shards,
    sessions,
  };
  return { id: await repository.keep(manifest), manifest };
}

async function copyShard(
  source: BackupSource,
  repository: Repository,
  shard: number,
  atLeast: number,
): Promise<Manifest['shards'][0]> {
  const slabs: string[] = [];
  let bytes = 0;
  for await (const step of source.shard(shard, atLeast)) {
    if (!('slab' in step)) return { shard, ...step, bytes, slabs };
    bytes += step.slab.length;
    slabs.push(await repository.put(step.slab));
  }
  throw new Error(`the copy of shard ${shard} ended without saying which state it was`);
}

async function copySessions(source: BackupSource, repository: Repository): Promise<string[]> {
  const pieces: string[] = [];
  let entries: SessionEntry[] = [];
  let bytes = 0;
  for await (const entry of source.sessions()) {
    entries.push(entry);
    bytes += entry[0].length + entry[1].length;
    if (bytes < SESSION_PIECE_BYTES) continue;
    pieces.push(await repository.put(encodeSessions(entries)));
    entries = [];
    bytes = 0;
  }
  if (entries.length > 0) pieces.push(await repository.put(encodeSessions(entries)));
  return pieces;
}

async function copyLog(
  source: BackupSource,
  repository: Repository,
  progress: (what: string, done: number, of: number) => void,
): Promise<Manifest['log']> {
  const { first, last } = await source.bounds();
  const pieces = await copiedBefore(source, repository, first);
  const writer = new LogPieceWriter();
  let newest: LogEntry | null = null;
  let from = 0;
  const cut = async () => {
    if (newest === null || writer.records === 0) return;
    const bytes = writer.bytes;
    const object = await repository.put(writer.take());
    pieces.push({ from, to: newest.seq, object, bytes, last: digestOf(newest) });
  };
  const begin = (pieces.at(-1)?.to ?? first - 1) + 1;
  for await (const entry of source.records(begin)) {
    const expected = (newest?.seq ?? begin - 1) + 1;
    // Forgotten while it was read: what was copied before the gap is forgotten as well.
    if (entry.seq !== expected) {
      pieces.length = 0;
      writer.take();
    }
    if (writer.records === 0) from = entry.seq;
    writer.add(entry);
    newest = entry;
    if (writer.bytes >= LOG_PIECE_BYTES || writer.isFull) await cut();
    if (entry.seq % 1024 === 0) progress('log', entry.seq - begin + 1, Math.max(1, last - begin + 1));
  }
  await cut();
  return { first: pieces[0]?.from ?? first, last: pieces.at(-1)?.to ?? first - 1, pieces };
}

/** Pieces of the newest backup that are still of this log: the numbers alone do not say so after a restore. */
async function copiedBefore(
  source: BackupSource,
  repository: Repository,
  first: number,
): Promise<LogPiece[]> {
  const [newest] = await repository.kept();
  if (newest === undefined) return [];
  const pieces: LogPiece[] = [];
  for (const piece of (await repository.manifest(newest)).log.pieces) {
    if (piece.to < first) continue;
    if (!repository.has(piece.object)) break;
    const bytes = await source.record(piece.to);
    if (bytes === null || digestOf({ seq: piece.to, bytes }) !== piece.last) break;
    pieces.push(piece);
  }
  return pieces;
}

function digestOf({ bytes }: LogEntry): string {
  return bytes === null ? 'damaged' : createHash('sha256').update(bytes).digest('hex');
}
