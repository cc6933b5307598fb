import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  encodeRecord,
  finishSeries,
  GroupBuilder,
  hashBytes,
  LIMITS,
  layoutOf,
  type RollupSpec,
  type Site,
  shardOfHash,
  stepBoundaries,
} from '../contract/index.ts';
import { chunkSpanMs, HISTORY_SPAN_MS, TABLES } from '../contract/measures/tables.ts';
import { contractCodec } from '../log/contract-codec.ts';
import { openEmbeddedLog } from '../store/log/embedded-log.ts';
import { cpuMs, PlanRun, type RunFigures, type RunOptions } from './plan-run.ts';
import { type StreamLoad, SyntheticLoad } from './synthetic-load.ts';

/** What was measured on this machine with the product's own parts; the plan is made of it. */
export interface Measured {
  /** Two steady runs of different size: what grows with the keys, and what does not. */
  small: RunFigures & { keys: number };
  large: RunFigures & { keys: number };
  tiers: TierSize[];
  /** Of history, for each reading. */
  historyBytes: number;
  logBytesPerReading: number;
  syncMs: number;
  /** Processor time of one small record until it is durable, at the pace of the load: threads sleep in between. */
  commitMicros: number;
  pageMs: { p50: number; p99: number };
}

/** What one group takes on the disk for each period of a tier. */
export interface TierSize {
  rollup: string;
  by: string[];
  tier: string;
  bytesPerChunk: number;
}

export interface MeasureOptions {
  site: Site;
  loads: StreamLoad[];
  checkpointMs: number;
  /** Readings in one record of the log, and records a second, given how long the disk takes for one. */
  groupReadings(syncMs: number): number;
  commitsPerSecond(syncMs: number): number;
  /** On the disk that the board is to use. */
  dir: string;
  /** Keys of the larger run at the most; the smaller has a quarter of them. */
  keys: number;
}

/** Steady runs are so many checkpoints long: folding comes round, and periods are left behind. */
const STEADY_CHECKPOINTS = 26;
/** Ten in each shard, so that groups that fold keys have some to fold. */
const TIER_KEYS_MOST = 240;
/** More of them would change the size of a bucket by little. */
const READINGS_A_BUCKET = 4;
const HISTORY_KEYS = 24;
const PAGE_KEYS = 24;
const PAGE_ASKED = 200;
/** Asked before it is measured, as a page that is open asks again. */
const PAGE_WARM = 50;
const SYNCS = 40;
/** What comes more seldom costs no more: by then nothing is warm. */
const PACE_MOST_MS = 50;
const LOG_RECORDS = 12;
const LOG_KEYS_MOST = 20_000;
const FOREVER_MS = 200 * 365 * 86_400_000;

export async function measure(options: MeasureOptions): Promise<Measured> {
  const dir = await mkdtemp(join(options.dir, 'weir-plan-'));
  try {
    const { syncMs, commitMicros } = await measureCommits(options, join(dir, 'commits'));
    const shards = shardsFor(options);
    const keys = Math.min(options.keys, Math.ceil((meanKeys(options.loads) * shards) / LIMITS.shards));
    const small = await steady(options, Math.ceil(keys / 4), shards, join(dir, 'small'));
    const large = await steady(options, keys, shards, join(dir, 'large'));
    return {
      small,
      large,
      tiers: await measureTiers(options, dir),
      historyBytes: await measureHistory(options, dir),
      logBytesPerReading: measureLog(options, syncMs),
      syncMs,
      commitMicros,
      pageMs: await measurePage(options, join(dir, 'page')),
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Runs have the same number of keys in each stream; the plan has its own, so the mean stands for them. */
export function meanKeys(loads: StreamLoad[]): number {
  return loads.reduce((sum, { keys }) => sum + keys, 0) / loads.length;
}

/**
 * As few shards as have the keys of a run when each has as many as it is going to have: what the keys of a shard share,
 * its groups and its checkpoint, is then shared as it is going to be.
 */
function shardsFor({ loads, keys }: MeasureOptions): number {
  const perShard = meanKeys(loads) / LIMITS.shards;
  return Math.max(1, Math.min(LIMITS.shards, Math.floor(keys / perShard)));
}

/** Figures of a run of some of the shards, as all of them would have them. */
async function steady(
  options: MeasureOptions,
  keys: number,
  shards: number,
  dir: string,
): Promise<RunFigures & { keys: number }> {
  const { site, loads, checkpointMs } = options;
  const spanMs = checkpointMs * STEADY_CHECKPOINTS;
  const run = await PlanRun.open({ site, loads, keys, shards, spanMs, checkpointMs, dir });
  try {
    await run.toTheEnd();
    const { handedBytes, memoryBytes } = run.figures;
    const times = LIMITS.shards / shards;
    return {
      ...run.figures,
      handedBytes: handedBytes * times,
      memoryBytes: memoryBytes * times,
      keys: keys * times,
    };
  } finally {
    await run.close();
  }
}

/** Each tier over one whole period of its own, as densely as the load fills it: its size when all is folded. */
async function measureTiers(options: MeasureOptions, dir: string): Promise<TierSize[]> {
  const site = forever(options.site);
  const tiers: TierSize[] = [];
  for (const rollup of site.rollups)
    for (const tier of rollup.tiers) {
      const load = options.loads.find(({ stream }) => stream.name === rollup.stream);
      if (load === undefined) continue;
      const everyMs = Math.max(load.everyMs, tier.widthMs / READINGS_A_BUCKET);
      const sizes = await sizesOf({
        // Alone: to make its buckets from finer ones would spread each interval over a day of minutes.
        site: { ...site, rollups: [{ ...rollup, tiers: [tier] }] },
        loads: [{ ...load, everyMs, pack: 1 }],
        keys: Math.min(TIER_KEYS_MOST, load.keys),
        spanMs: chunkSpanMs(tier.widthMs),
        checkpointMs: null,
        dir: join(dir, `${rollup.name}-${tier.name}`),
      });
      for (const by of rollup.groupBys) {
        const size = sizes.get(TABLES.buckets(rollup.name, by, tier.name)) ?? { bytes: 0, entries: 1 };
        tiers.push({ rollup: rollup.name, by, tier: tier.name, bytesPerChunk: size.bytes / size.entries });
      }
    }
  return tiers;
}

/** Bytes of history for each reading of a stream, at the pace at which it comes. */
async function measureHistory(options: MeasureOptions, dir: string): Promise<number> {
  let bytes = 0;
  let readings = 0;
  for (const load of options.loads) {
    const spanMs = HISTORY_SPAN_MS;
    const sizes = await sizesOf({
      site: { ...forever(options.site), rollups: options.site.rollups },
      loads: [{ ...load, pack: 1 }],
      keys: Math.min(HISTORY_KEYS, load.keys),
      spanMs,
      checkpointMs: null,
      dir: join(dir, `history-${load.stream.name}`),
    });
    const rate = load.keys / load.everyMs;
    const rounds = Math.ceil(spanMs / load.everyMs);
    const each =
      (sizes.get(TABLES.history(load.stream.name))?.bytes ?? 0) /
      (rounds * Math.min(HISTORY_KEYS, load.keys));
    bytes += rate * each;
    readings += rate;
  }
  return bytes / readings;
}

async function sizesOf(options: RunOptions): Promise<Map<string, { bytes: number; entries: number }>> {
  const run = await PlanRun.open(options);
  try {
    await run.toTheEnd();
    return run.store.sizes();
  } finally {
    await run.close();
  }
}

/** Nothing is forgotten while it is measured, and days begin at midnight UTC, where the run begins. */
function forever(site: Site): Site {
  const rollups = site.rollups.map((rollup) => ({
    ...rollup,
    tiers: rollup.tiers.map((tier) => ({ ...tier, keepMs: FOREVER_MS })),
  }));
  return { ...site, timezone: 'UTC', rollups, retention: { ...site.retention, rawMs: FOREVER_MS } };
}

/** Records as large as the board will make them, of as many keys. */
function measureLog({ site, loads, groupReadings }: MeasureOptions, syncMs: number): number {
  const builder = new GroupBuilder(site);
  const wanted = Math.max(1, Math.round(groupReadings(syncMs)));
  let bytes = 0;
  let readings = 0;
  let records = 0;
  for (let round = 0; records < LOG_RECORDS; round++)
    for (const load of loads) {
      const keys = Math.min(load.keys, LOG_KEYS_MOST);
      const messages = new SyntheticLoad(load, keys, 1_780_000_000_000);
      for (const { topic, payload, readings: some } of messages.round(round)) {
        if (records >= LOG_RECORDS) break;
        builder.add(topic, payload, 1_780_000_000_000 + (round + 1) * load.everyMs);
        // Whole messages, as many as come nearest.
        if (builder.readings + some / 2 < wanted) continue;
        readings += builder.readings;
        bytes += encodeRecord(builder.take(++records, 1_780_000_000_000 + round * load.everyMs, true)).length;
      }
    }
  return bytes / readings;
}

/** How long the disk takes to make one small record durable, and what that costs at the pace of the load. */
async function measureCommits(
  { site, loads, commitsPerSecond }: MeasureOptions,
  dir: string,
): Promise<Pick<Measured, 'syncMs' | 'commitMicros'>> {
  const log = await openEmbeddedLog({ dir, codec: contractCodec, ballastBytes: 0 });
  const builder = new GroupBuilder(site);
  const [message] = [...new SyntheticLoad({ ...loads[0], pack: 1 }, 1, 1_780_000_000_000).round(0)];
  let seq = 0;
  const append = () => {
    builder.add(message.topic, message.payload, 1_780_000_000_000);
    return log.append(builder.take(++seq, 1_780_000_000_000, true));
  };
  const times: number[] = [];
  for (let sync = 0; sync < SYNCS; sync++) {
    const began = performance.now();
    await append();
    times.push(performance.now() - began);
  }
  const syncMs = percentile(times, 0.5);
  const everyMs = Math.min(PACE_MOST_MS, 1000 / commitsPerSecond(syncMs));
  const began = cpuMs();
  for (let sync = 0; sync < SYNCS; sync++) {
    await pause(everyMs);
    await append();
  }
  const commitMicros = (1000 * (cpuMs() - began)) / SYNCS;
  await log.close();
  return { syncMs, commitMicros };
}

/** One key's day of the finest tier, as a page asks for it, at the shard and until it is finished. */
async function measurePage(options: MeasureOptions, dir: string): Promise<Measured['pageMs']> {
  const site = forever(options.site);
  const rollup = site.rollups.find((one) => keyGroup(site, one) >= 0);
  const load = options.loads.find(({ stream }) => stream.name === rollup?.stream);
  if (rollup === undefined || load === undefined) return { p50: 0, p99: 0 };
  const spanMs = 24 * 3_600_000;
  const run = await PlanRun.open({
    site: { ...site, rollups: [rollup] },
    loads: [{ ...load, everyMs: rollup.tiers[0].widthMs, pack: 1 }],
    keys: PAGE_KEYS,
    spanMs,
    checkpointMs: spanMs / 4,
    dir,
  });
  try {
    await run.toTheEnd();
    const times: number[] = [];
    for (let asked = 0; asked < PAGE_ASKED; asked++) times.push(askPage(run, site, rollup, asked));
    const warm = times.slice(PAGE_WARM);
    return { p50: percentile(warm, 0.5), p99: percentile(warm, 0.99) };
  } finally {
    await run.close();
  }
}

function askPage(run: PlanRun, site: Site, rollup: RollupSpec, asked: number): number {
  const groupBy = keyGroup(site, rollup);
  const stream = site.streams.find(({ name }) => name === rollup.stream)!;
  const name = `m${String(asked % PAGE_KEYS).padStart(6, '0')}`;
  const range = { from: run.endMs - 24 * 3_600_000, to: run.endMs };
  const width = rollup.tiers[0].widthMs;
  const bytes = new TextEncoder().encode(name);
  const engine = run.engines[shardOfHash(hashBytes(bytes, 0, bytes.length))];
  const where = [{ dim: 0, values: [name] }];
  const layout = layoutOf(rollup, groupBy, stream);
  const steps = stepBoundaries(site.timezone, width, width);
  const began = performance.now();
  const reading = engine.read({
    rollup: rollup.name,
    groupBy,
    tier: 0,
    ...range,
    where,
    maxGroups: 1,
    edges: true,
  });
  let step = reading.next();
  while (!step.done) step = reading.next();
  const { chunks, watermark } = step.value;
  const { measures } = rollup;
  finishSeries({ layout, measures, steps, ...range, watermark, latenessMs: stream.latenessMs }, chunks);
  return performance.now() - began;
}

function keyGroup(site: Site, rollup: RollupSpec): number {
  const key = site.streams.find(({ name }) => name === rollup.stream)?.keyField;
  return rollup.groupBys.findIndex((by) => by.length === 1 && by[0] === key);
}

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
