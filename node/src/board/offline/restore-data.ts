import { mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../backup/manifest.ts';
import { readLogPiece, readSessions } from '../../backup/pieces.ts';
import type { Repository } from '../../backup/repository.ts';
import type { SessionEntry } from '../../backup/source.ts';
import { pasteSessions } from '../../broker/index.ts';
import { verifyAnswer } from '../../client/verify-answer.ts';
import { LIMITS, mergeFor, parseSite, type VerifyAnswer, WeirError } from '../../contract/index.ts';
import { contractCodec } from '../../log/contract-codec.ts';
import { OfflineShards } from '../../shard/offline-shards.ts';
import { shardsOf } from '../../shard/open-shards.ts';
import { STORES } from '../../shard/thread-messages.ts';
import { SegmentPaste } from '../../store/log/paste-segments.ts';
import { openLevelRunStore } from '../../store/runs/level-run-store.ts';
import { pasteShard } from '../../store/runs/shard-paste.ts';
import { assertOwner, type DataDir, openDataDir, placesOf, RESTORING } from '../data-dir.ts';
import { writeWhole } from '../write-whole.ts';

/** What a fresh file system has in its root; and the key with which its user reaches a backup over ssh. */
const NOT_OURS = new Set(['lost+found', '.ssh']);
/** What nobody but the appliance's user reads. */
const SECRET: ReadonlySet<string> = new Set(['devices.json', 'tokens.json', 'users.json']);
/** The disk must hold the copy, and the write-ahead logs of whoever writes it. */
const SPARE_BYTES = 64 * 1024 * 1024;

type Progress = (what: string, done: number, of: number) => void;

/**
 * Makes a data directory out of a backup, which may come from anywhere: every piece must be what its name says, only
 * files whose names stand in this program are written, and in the end every shard must be in the state that the backup
 * names. Until then a marker stands in the directory, with which no appliance starts; a restore that was interrupted
 * begins anew.
 */
export async function restoreData(
  repository: Repository,
  manifest: Manifest,
  dataDir: string,
  progress: Progress,
): Promise<VerifyAnswer> {
  await begin(dataDir);
  await assertRoom(dataDir, manifest);
  const dir = openRestoring(dataDir);
  await pasteFiles(repository, manifest, dir);
  await pasteLog(repository, manifest, dir, progress);
  await pasteShards(repository, manifest, dir, progress);
  await pasteSessions(dir.sessions, sessionsOf(repository, manifest));
  const answer = await assertStates(manifest, dir);
  await rm(join(dataDir, RESTORING));
  const handle = await open(dataDir, 'r');
  await handle.sync();
  await handle.close();
  return answer;
}

async function begin(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o750 });
  assertOwner(dataDir, process.getuid?.() ?? 0, (await stat(dataDir)).uid);
  const names = (await readdir(dataDir)).filter((name) => !NOT_OURS.has(name));
  if (names.length > 0 && !names.includes(RESTORING))
    throw new WeirError('WEIR_USAGE', `${dataDir} is not empty, and a restore never overwrites`, {
      suggestion: 'Name an empty directory, or move what is there away.',
    });
  writeWhole(join(dataDir, RESTORING), 'A restore is under way; if it was interrupted, start it again.\n');
  const dir = placesOf(dataDir);
  for (const path of [
    dir.log,
    dir.store,
    dir.sessions,
    dir.devices,
    dir.tokens,
    dir.users,
    dir.archive,
    dir.archiveRuns,
    dir.shape,
    dir.site,
  ])
    await rm(path, { recursive: true, force: true });
}

async function assertRoom(dataDir: string, { log, shards }: Manifest): Promise<void> {
  const sum = (parts: { bytes: number }[]) => parts.reduce((all, { bytes }) => all + bytes, 0);
  const needed = sum(log.pieces) + sum(shards) + SPARE_BYTES;
  const { bavail, bsize } = await statfs(dataDir);
  if (bavail * bsize < needed)
    throw new WeirError(
      'WEIR_STORE_FULL',
      `the backup needs ${needed} bytes, and ${bavail * bsize} are free at ${dataDir}`,
    );
}

function openRestoring(dataDir: string): DataDir {
  return openDataDir(dataDir, { restoring: true });
}

async function pasteFiles(repository: Repository, manifest: Manifest, dir: DataDir): Promise<void> {
  const paths = {
    'site.yaml': dir.site,
    'shape.json': dir.shape,
    'devices.json': dir.devices,
    'tokens.json': dir.tokens,
    'users.json': dir.users,
    'archive.json': dir.archive,
    'archive-runs.ndjson': dir.archiveRuns,
  };
  for (const { name, object } of manifest.files) {
    const isSecret = SECRET.has(name);
    writeWhole(paths[name], await repository.get(object), isSecret ? 0o600 : 0o640);
  }
}

async function pasteLog(
  repository: Repository,
  { log }: Manifest,
  dir: DataDir,
  progress: Progress,
): Promise<void> {
  const paste = await SegmentPaste.begin(dir.root, log.first);
  try {
    for (const piece of log.pieces) {
      let next = piece.from;
      for (const { seq, bytes } of readLogPiece(await repository.get(piece.object))) {
        if (seq !== next++) throw damaged(`the log has record ${seq} where ${next - 1} should be`);
        if (bytes === null) continue;
        if (contractCodec.check(bytes) !== seq) throw damaged(`record ${seq} of the log fails its checksum`);
        await paste.add(seq, bytes);
      }
      if (next !== piece.to + 1) throw damaged(`a piece of the log ends before record ${piece.to}`);
      progress('log', piece.to - log.first + 1, log.last - log.first + 1);
    }
  } finally {
    await paste.close();
  }
}

async function pasteShards(
  repository: Repository,
  { shards }: Manifest,
  dir: DataDir,
  progress: Progress,
): Promise<void> {
  let done = 0;
  for (let number = 0; number < STORES; number++) {
    const owned = shardsOf(number);
    const store = await openLevelRunStore({
      dir: join(dir.store, String(number)),
      shards: owned,
      merge: mergeFor,
    });
    try {
      for (const shard of owned) {
        const { position, slabs } = shards[shard];
        await pasteShard(store, shard, position, piecesOf(repository, slabs), mergeFor);
        progress('shards', ++done, LIMITS.shards);
      }
    } finally {
      await store.close();
    }
  }
}

async function* piecesOf(repository: Repository, names: string[]): AsyncGenerator<Buffer> {
  for (const name of names) yield await repository.get(name);
}

async function* sessionsOf(repository: Repository, { sessions }: Manifest): AsyncGenerator<SessionEntry> {
  for await (const piece of piecesOf(repository, sessions)) yield* readSessions(piece);
}

/** What was pasted is loaded as an appliance would, and held against what the backup says of each shard. */
async function assertStates(manifest: Manifest, dir: DataDir): Promise<VerifyAnswer> {
  const object = manifest.files.find(({ name }) => name === 'site.yaml')?.object;
  if (object === undefined) throw damaged('it has no site file');
  const { site } = parseSite(await readText(dir.site), dir.site);
  if (!site) throw damaged('its site file has faults');
  const shards = await openPasted(dir, site);
  try {
    const answer = verifyAnswer(shards.hashes());
    for (const { shard, position, hash } of answer.shards) {
      const said = manifest.shards[shard];
      if (position !== said.position || hash !== said.hash)
        throw damaged(`shard ${shard} is not in the state that the backup names`);
    }
    return answer;
  } finally {
    await shards.close();
  }
}

async function openPasted(
  dir: DataDir,
  site: Parameters<typeof OfflineShards.open>[1],
): Promise<OfflineShards> {
  try {
    return await OfflineShards.open(dir.store, site);
  } catch (cause) {
    throw new WeirError('WEIR_BACKUP_DAMAGED', 'what the backup holds cannot be loaded', { cause });
  }
}

async function readText(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    return (await file.readFile()).toString();
  } finally {
    await file.close();
  }
}

function damaged(message: string): WeirError {
  return new WeirError('WEIR_BACKUP_DAMAGED', message);
}
