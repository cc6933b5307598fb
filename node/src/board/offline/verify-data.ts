import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyAnswer } from '../../client/verify-answer.ts';
import { type Site, type VerifyAnswer, WeirError } from '../../contract/index.ts';
import type { CommitLog } from '../../log/port.ts';
import { OfflineShards } from '../../shard/offline-shards.ts';
import { existingDataDir } from '../data-dir.ts';
import { checkShape } from '../kept-shape.ts';
import { openSource } from './backup-data.ts';
import { StoppedSource } from './stopped-source.ts';

/** Where a replay keeps its state, beside the one that it is held against. */
const REPLAY_PREFIX = 'verify-';

export interface VerifiedData extends VerifyAnswer {
  /** What a replay of the log alone gave; null when none was asked for. */
  replay: { hash: string; equal: boolean; differing: number[] } | null;
}

/**
 * Hashes of a data directory, on request also those that its log alone gives. An appliance that has it open is asked;
 * a replay needs one that is stopped.
 */
export async function verifyData(
  dataDir: string,
  site: Site,
  options: { replay: boolean; temp?: string },
): Promise<VerifiedData> {
  const dir = existingDataDir(dataDir);
  checkShape(site, dir.shape);
  const source = await openSource(dir, site);
  try {
    const stored = verifyAnswer(await source.verify());
    if (!options.replay) return { ...stored, replay: null };
    if (!(source instanceof StoppedSource))
      throw new WeirError('WEIR_DATA_IN_USE', `an appliance has ${dataDir} open; a replay needs it stopped`);
    return { ...stored, replay: compared(stored, await replay(site, source.log, options.temp ?? dir.root)) };
  } finally {
    await source.close();
  }
}

async function replay(site: Site, log: CommitLog, temp: string): Promise<VerifyAnswer> {
  const { first } = log.bounds();
  if (first > 1)
    throw new WeirError(
      'WEIR_NOT_FOUND',
      `the log begins at record ${first}: what came before is forgotten, so the state cannot be made again from it`,
      { suggestion: 'Compare with a restored backup instead, or leave out --replay.' },
    );
  // What a replay that was interrupted has left.
  for (const name of await readdir(temp))
    if (name.startsWith(REPLAY_PREFIX)) await rm(join(temp, name), { recursive: true });
  const dir = await mkdtemp(join(temp, REPLAY_PREFIX));
  try {
    const shards = await OfflineShards.open(dir, site);
    try {
      await shards.catchUp(log, { checkpoints: true });
      return verifyAnswer(shards.hashes());
    } finally {
      await shards.close();
    }
  } finally {
    await rm(dir, { recursive: true });
  }
}

function compared(stored: VerifyAnswer, replayed: VerifyAnswer): VerifiedData['replay'] {
  const differing = stored.shards
    .filter(({ hash }, at) => hash !== replayed.shards[at].hash)
    .map(({ shard }) => shard);
  return { hash: replayed.hash, equal: differing.length === 0, differing };
}
