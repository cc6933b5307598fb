import { LIMITS, type RollupSpec, type Site } from '../contract/index.ts';
import { chunkSpanMs, HISTORY_SPAN_MS } from '../contract/measures/tables.ts';
import { checkpointDueBytes } from '../engine/checkpoint-due.ts';
import { type Measured, meanKeys } from './measure.ts';
import type { StreamLoad } from './synthetic-load.ts';

/** What a site will need on this machine. */
export interface Plan {
  load: { keys: number; readingsPerSecond: number; messagesPerSecond: number; commitsPerSecond: number };
  disk: {
    rawBytes: number;
    /** How long raw is kept when its bytes are bounded too. */
    rawMs: number;
    historyBytes: number;
    tiers: { rollup: string; tier: string; series: number; bytes: number }[];
    reserveBytes: number;
    totalBytes: number;
  };
  memoryBytes: number;
  cpu: { share: number; microsPerReading: number };
  flash: {
    logBytesPerDay: number;
    storeBytesPerDay: number;
    /** Handed to LevelDB by the store, which writes it more than once. */
    storeHandedBytesPerDay: number;
    bytesPerDay: number;
    bytesPerReading: number;
  };
  /** Null where the site file does not say what can be written to the flash. */
  lifeMonths: number | null;
  pageMs: { p50: number; p99: number };
  checkpointMs: number;
}

const DAY_S = 86_400;
const DAY_MS = DAY_S * 1000;
const MONTH_DAYS = 365.25 / 12;
/** The kernel writes whole pages: the last one of the write-ahead log is written again with each sync. */
const PAGE_BYTES = 4096;
/** The log is written to LevelDB's write-ahead log and once more to a table; keys ascend, so it is never merged. */
const LOG_WRITTEN_TWICE = 2;
/** Of 6 MB of write buffer: measured, see STORE_TUNING. */
const STORE_WRITTEN = 2.3;
/** Sealed segments carry an index by key and time. */
const LOG_INDEX_SHARE = 0.1;
/** Dropped runs that are not cleared yet, and tables that are not compacted. */
const STORE_SLACK = 1.1;
const RESERVE_BYTES = 32 * 1024 * 1024;
/** An idle board with its threads and caches, and what waits between the threads. */
const BASE_MEMORY_BYTES = 130e6;
/** Of a message over MQTT: socket, session and acknowledgement. */
const MESSAGE_MICROS = 8;
/** Beside making it durable: a record is decoded by each shard thread, and wakes all of them. */
const COMMIT_MICROS = 120;
const CPU_BESIDES = 1.1;
/** Of a core, by an appliance that nobody sends anything: measured on x86-64 over a minute. */
const IDLE_CPU_SHARE = 0.005;
/** An idle appliance appends a record with the time this often. */
const TICK_S = 15;

export function ratesOf(loads: StreamLoad[]): { readings: number; messages: number } {
  let readings = 0;
  let messages = 0;
  for (const { keys, everyMs, pack } of loads) {
    readings += (keys * 1000) / everyMs;
    messages += (keys * 1000) / everyMs / pack;
  }
  return { readings, messages };
}

function keysOf(loads: StreamLoad[]): number {
  return loads.reduce((sum, load) => sum + load.keys, 0);
}

/** Memory until the next checkpoint: 40 bytes a reading of ten thousand meters with packs, 110 of a million. */
const CHANGED_BYTES_A_READING = 50;
const BYTES_A_KEY = 56;

export function checkpointEveryMs(loads: StreamLoad[], threads: number): number {
  const { readings } = ratesOf(loads);
  const keyBytes = (keysOf(loads) * BYTES_A_KEY) / threads;
  const due = Math.min(LIMITS.checkpointReadings, checkpointDueBytes(keyBytes) / CHANGED_BYTES_A_READING);
  const untilDueMs = (1000 * due * threads) / Math.max(1e-9, readings);
  return Math.min(LIMITS.checkpointMs, untilDueMs);
}

/** While one append is under way the next group fills, so commits are as many as messages or as fit one after another. */
export function commitsPerSecond(loads: StreamLoad[], syncMs: number): number {
  const { messages } = ratesOf(loads);
  return Math.max(1 / TICK_S, messages / (1 + (messages * syncMs) / 1000));
}

export function estimate(site: Site, loads: StreamLoad[], measured: Measured, checkpointMs: number): Plan {
  const rates = ratesOf(loads);
  const commits = commitsPerSecond(loads, measured.syncMs);
  const disk = diskOf(site, loads, measured, rates.readings);
  const flash = flashOf(loads, measured, commits, checkpointMs);
  const micros = cpuMicros(measured, rates, commits);
  const endurance = site.wear?.enduranceBytes ?? null;
  return {
    load: {
      keys: keysOf(loads),
      readingsPerSecond: rates.readings,
      messagesPerSecond: rates.messages,
      commitsPerSecond: commits,
    },
    disk,
    memoryBytes: BASE_MEMORY_BYTES + atKeys(measured, meanKeys(loads), (run) => run.memoryBytes),
    cpu: {
      share: (micros * rates.readings) / 1e6 + IDLE_CPU_SHARE,
      microsPerReading: micros + (1e6 * IDLE_CPU_SHARE) / Math.max(1e-9, rates.readings),
    },
    flash,
    lifeMonths: endurance === null ? null : endurance / flash.bytesPerDay / MONTH_DAYS,
    pageMs: measured.pageMs,
    checkpointMs,
  };
}

/** A line through the two runs, read off at the keys of the plan. */
function atKeys({ small, large }: Measured, keys: number, of: (run: Measured['small']) => number): number {
  const slope = Math.max(0, (of(large) - of(small)) / Math.max(1, large.keys - small.keys));
  return Math.max(0, of(small) + slope * (keys - small.keys));
}

function diskOf(site: Site, loads: StreamLoad[], measured: Measured, readings: number): Plan['disk'] {
  const logPerMs = (readings * measured.logBytesPerReading * (1 + LOG_INDEX_SHARE)) / 1000;
  const rawMs = Math.min(site.retention.rawMs, site.retention.rawBytes / Math.max(1e-9, logPerMs));
  const latenessMs = Math.max(...loads.map(({ stream }) => stream.latenessMs));
  const historyMs = site.retention.rawMs + latenessMs + HISTORY_SPAN_MS;
  const historyBytes = (readings / 1000) * historyMs * measured.historyBytes * STORE_SLACK;
  const tiers: Plan['disk']['tiers'] = [];
  for (const rollup of site.rollups) {
    const load = loads.find(({ stream }) => stream.name === rollup.stream);
    if (load !== undefined) tiers.push(...tiersOf(rollup, load, measured));
  }
  const stored = tiers.reduce((sum, { bytes }) => sum + bytes, 0);
  const rawBytes = logPerMs * rawMs;
  const totalBytes = rawBytes + historyBytes + stored + RESERVE_BYTES;
  return { rawBytes, rawMs, historyBytes, tiers, reserveBytes: RESERVE_BYTES, totalBytes };
}

/** A tier holds what it keeps, and on the average half of the period in which retention falls. */
function tiersOf(rollup: RollupSpec, load: StreamLoad, measured: Measured): Plan['disk']['tiers'] {
  return rollup.tiers.map(({ name, widthMs, keepMs }) => {
    const spanMs = chunkSpanMs(widthMs);
    let series = 0;
    let bytes = 0;
    for (const by of rollup.groupBys) {
      const groups = groupsOf(by, load);
      const size = measured.tiers.find(
        (one) => one.rollup === rollup.name && one.tier === name && one.by.join() === by.join(),
      );
      series += groups;
      bytes += groups * (keepMs / spanMs + 0.5) * (size?.bytesPerChunk ?? 0) * STORE_SLACK;
    }
    return { rollup: rollup.name, tier: name, series: Math.round(series), bytes };
  });
}

/** Series over all shards: a group that folds keys has one in each shard where it has a key. */
function groupsOf(by: string[], { stream, keys, values }: StreamLoad): number {
  if (by.includes(stream.keyField)) return keys;
  const possible = values ** by.length;
  // Of so many values the keys of a shard have this many different ones.
  const inShard = possible * (1 - (1 - 1 / possible) ** (keys / LIMITS.shards));
  return LIMITS.shards * Math.min(inShard, keys / LIMITS.shards);
}

function flashOf(
  loads: StreamLoad[],
  measured: Measured,
  commits: number,
  checkpointMs: number,
): Plan['flash'] {
  const { readings } = ratesOf(loads);
  const logged = readings * measured.logBytesPerReading;
  const logBytesPerDay = DAY_S * (commits * PAGE_BYTES + LOG_WRITTEN_TWICE * logged);
  const handedPerDay = atKeys(measured, meanKeys(loads), (run) => (run.handedBytes / run.handedMs) * DAY_MS);
  // Each shard's checkpoint is synced for itself.
  const syncs = (DAY_MS / checkpointMs) * LIMITS.shards * PAGE_BYTES;
  const storeBytesPerDay = handedPerDay * STORE_WRITTEN + syncs;
  const bytesPerDay = logBytesPerDay + storeBytesPerDay;
  return {
    logBytesPerDay,
    storeBytesPerDay,
    storeHandedBytesPerDay: handedPerDay,
    bytesPerDay,
    bytesPerReading: bytesPerDay / (readings * DAY_S),
  };
}

/** Of one reading, all threads together. */
function cpuMicros(
  { large, commitMicros }: Measured,
  rates: { readings: number; messages: number },
  commits: number,
): number {
  const { taking, applying, storing } = large.cpu;
  const measured = (1000 * (taking + applying + storing)) / Math.max(1, large.readings);
  const besides =
    (rates.messages * MESSAGE_MICROS + commits * (commitMicros + COMMIT_MICROS)) /
    Math.max(1e-9, rates.readings);
  return (measured + besides) * CPU_BESIDES;
}
