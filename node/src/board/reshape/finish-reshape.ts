import { join } from 'node:path';
import type { Logger } from 'pino';
import { mergeFor, parseSite, type Site, WeirError } from '../../contract/index.ts';
import { decodeMark } from '../../contract/measures/merge-for.ts';
import { ONLY_PERIOD, TABLES } from '../../contract/measures/tables.ts';
import { isReshaped, type Reshaping, reshapeShard } from '../../engine/reshape-shard.ts';
import { CHECKPOINT_SLICE_BYTES } from '../../engine/run-store.ts';
import type { CommitLog } from '../../log/port.ts';
import { shardsOf } from '../../shard/open-shards.ts';
import type { KnownFrom } from '../../shard/shadow-messages.ts';
import { ALL_STORES, STORES } from '../../shard/thread-messages.ts';
import { type LevelRunStore, openLevelRunStore } from '../../store/runs/level-run-store.ts';
import { CalledThread } from '../called-thread.ts';
import type { DataDir } from '../data-dir.ts';
import { noteReshaped } from '../kept-shape.ts';
import { ReplayFiles, siteMark } from '../replay/replay-file.ts';
import { CHECKPOINT_READINGS } from '../replay/replay-run.ts';
import { type Positions, ReplayThread } from '../replay/replay-thread.ts';
import { readReshape, removeReshape, type StoredReshape, writeReshape } from './reshape-file.ts';
import { plannedReshape, type ReshapePlan, sinceOf } from './reshape-plan.ts';

export interface ReshapeParts {
  site: Site;
  shardEntry: URL;
  logger: Logger;
}

type OpenLog = (knownSeq: number) => Promise<CommitLog>;

/**
 * Puts what an edit of the site file had made anew in the place of what is stored, before anything else opens it. The
 * shadow follows the log to where each shard stands; then each shard changes in one batch. May be ended at any moment: a
 * shard is as it was or done, which it says itself, and the next start goes on.
 */
export async function finishReshape(parts: ReshapeParts, dir: DataDir, openLog: OpenLog): Promise<void> {
  const { site, logger } = parts;
  const reshape = readReshape(dir.reshape);
  if (reshape === null) return;
  const after = parseSite(reshape.text, dir.reshape).site;
  if (after === null || siteMark(after) !== siteMark(site)) {
    if (reshape.state === 'begun')
      throw new WeirError(
        'WEIR_SITE_INVALID',
        'an edit of the site file was being taken over, and this is another site file',
        { suggestion: `Start with the edited one: it is the "text" in ${dir.reshape}.` },
      );
    // The site file was not replaced yet: the replay that is ready asks for it again.
    removeReshape(dir.reshape);
    return;
  }
  const plan = plannedReshape(dir.shape, site);
  if (plan !== null) await reshapeStores(parts, dir, reshape, plan, openLog);
  noteReshaped(site, plan === null ? [] : tablesIn(plan, site), dir.shape);
  removeReshape(dir.reshape);
  logger.info({ replay: reshape.replay }, 'the tables that the edited site file asks for are in place');
}

/** Those that have all that raw has. */
function tablesIn(plan: ReshapePlan, site: Site): string[] {
  return plan.groups.flatMap(({ rollup: name, groupBy }) => {
    const { groupBys, tiers } = site.rollups.find((one) => one.name === name)!;
    return tiers.map((tier) => TABLES.buckets(name, groupBys[groupBy], tier.name));
  });
}

async function reshapeStores(
  parts: ReshapeParts,
  dir: DataDir,
  reshape: StoredReshape,
  plan: ReshapePlan,
  openLog: OpenLog,
): Promise<void> {
  const { logger } = parts;
  const storeDir = new ReplayFiles(dir.replays).storeDir(reshape.replay);
  const stored = await openStores(dir.store);
  try {
    if (reshape.state === 'asked') {
      reshape.knownFrom = await followLog(parts, plan, storeDir, reshape.from, positionsOf(stored), openLog);
      Object.assign(reshape, { state: 'begun', id: 1 + newestId(stored) });
      writeReshape(dir.reshape, reshape);
    }
    const anew = await openStores(storeDir);
    try {
      const { site } = parts;
      const reshaping = { ...plan, site, from: reshape.from, knownFrom: reshape.knownFrom, id: reshape.id };
      const startedMs = performance.now();
      for (const { store, shard } of eachShard(stored)) {
        const shadow = anew[shard % STORES];
        await reshapeOne(reshaping, store, shadow, shard);
        logger.debug({ shard, ms: Math.round(performance.now() - startedMs) }, 'a shard has its new tables');
      }
    } finally {
      for (const store of anew) await store.close();
    }
  } finally {
    for (const store of stored) await store.close();
  }
}

async function openStores(storeDir: string): Promise<LevelRunStore[]> {
  const stores: LevelRunStore[] = [];
  try {
    for (let number = 0; number < STORES; number++) {
      const dir = join(storeDir, String(number));
      stores.push(await openLevelRunStore({ dir, shards: shardsOf(number), merge: mergeFor }));
    }
    return stores;
  } catch (fault) {
    for (const store of stores) await store.close();
    throw fault;
  }
}

/** A shard that is damaged is emptied when it is opened, and rebuilt from the log under the new site file. */
function* eachShard(stores: LevelRunStore[]): Generator<{ store: LevelRunStore; shard: number }> {
  for (const [number, store] of stores.entries()) {
    const damaged = new Set(store.damaged().map(({ shard }) => shard));
    for (const shard of shardsOf(number)) if (!damaged.has(shard)) yield { store, shard };
  }
}

function positionsOf(stores: LevelRunStore[]): Positions {
  return [...eachShard(stores)].map(({ store, shard }) => [shard, store.position(shard)]);
}

function newestId(stores: LevelRunStore[]): number {
  let newest = 0;
  for (const { store, shard } of eachShard(stores)) {
    const view = store.view(shard);
    for (const { values } of view.scan(TABLES.reshaped, ONLY_PERIOD))
      for (const value of values) newest = Math.max(newest, decodeMark(value));
    view.close();
  }
  return newest;
}

/** Brings each shard of the shadow to the record that the stored one includes. */
async function followLog(
  { site, shardEntry }: ReshapeParts,
  plan: ReshapePlan,
  storeDir: string,
  from: number | null,
  until: Positions,
  openLog: OpenLog,
): Promise<KnownFrom> {
  const { signal } = new AbortController();
  const to = Math.max(...until.map(([, seq]) => seq));
  const log = await openLog(to);
  const line = new CalledThread(shardEntry, {
    kind: 'replay',
    site,
    rollups: plan.rollups,
    storeDir,
    since: sinceOf(plan, from),
    stores: ALL_STORES,
    checkpointReadings: CHECKPOINT_READINGS,
    urgent: true,
  });
  const thread = new ReplayThread(line);
  try {
    const positions = new Map(await thread.open(signal));
    const behind = until.find(([shard, seq]) => seq < (positions.get(shard) ?? 0));
    if (behind !== undefined)
      throw new WeirError(
        'WEIR_STORE_UNAVAILABLE',
        `shard ${behind[0]} is at record ${behind[1]}, before what was made anew for the edited site file`,
        { suggestion: 'Start with the site file as it was, and apply the edit again.' },
      );
    const first = 1 + Math.min(...positions.values());
    for await (const _ of thread.feed(log, { from: first, to, until }, signal));
    await thread.checkpoint(signal);
    return await thread.close(signal);
  } finally {
    await thread.end();
    await log.close();
  }
}

async function reshapeOne(
  reshaping: Reshaping,
  store: LevelRunStore,
  shadow: LevelRunStore,
  shard: number,
): Promise<void> {
  const stored = store.view(shard);
  const anew = shadow.view(shard);
  const release = await store.holdFolds();
  try {
    if (isReshaped(stored, reshaping.id)) return;
    if (shadow.position(shard) !== store.position(shard))
      throw new Error(
        `the shadow of shard ${shard} is at ${shadow.position(shard)}, not at ${store.position(shard)}`,
      );
    const write = store.replacement(shard, stored);
    try {
      for (const _ of reshapeShard(reshaping, stored, anew, write))
        if (write.pendingBytes() >= CHECKPOINT_SLICE_BYTES) await write.flush();
      await write.commit();
    } catch (fault) {
      await write.abandon();
      throw fault;
    }
  } finally {
    release();
    anew.close();
    stored.close();
  }
}
