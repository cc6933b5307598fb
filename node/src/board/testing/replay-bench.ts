import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { Progress } from '../../client/progress.ts';
import { shardsOfKeys } from '../../client/shard-lines.ts';
import { differencesIn, type LogRecord, type Site, type TierDifference } from '../../contract/index.ts';
import type { ShardEngine } from '../../engine/engine.ts';
import { buildRecord } from '../../engine/testing/build-record.ts';
import type { TestRecord } from '../../engine/testing/oracle.ts';
import { contractCodec } from '../../log/contract-codec.ts';
import { MemoryLog } from '../../log/memory-log.ts';
import { Checkpointer } from '../../shard/checkpointer.ts';
import { Inbox } from '../../shard/inbox.ts';
import { type OpenedShards, openShards } from '../../shard/open-shards.ts';
import { ShadowTasks } from '../../shard/shadow-tasks.ts';
import { ALL_STORES } from '../../shard/thread-messages.ts';
import { ArchiveRuns } from '../archive-runs.ts';
import { Archiver } from '../archiver.ts';
import { CalledThread } from '../called-thread.ts';
import { newReplay, type StoredReplay } from '../replay/replay-file.ts';
import { ReplayRun, type RunPorts } from '../replay/replay-run.ts';

const ENTRY = new URL('../../shard/thread-entry.ts', import.meta.url);
/** The one shard that has readings. */
export const BENCH_SHARD = 3;

/** Names of meters that belong to it. */
export const BENCH_KEYS = Array.from({ length: 400 }, (_, at) => `m${at}`)
  .filter((key) => shardsOfKeys([key])?.[0] === BENCH_SHARD)
  .slice(0, 4);

/** After so many records the stores of the engines that serve take a checkpoint. */
const CHECKPOINT_RECORDS = 30;

interface BenchArchive {
  place: string;
  life: string;
}

/**
 * What a replay stands between: a log in memory, the engines and stores of a board that counts it, and the archive of
 * it. Archiving, the thread of the replay and the comparison are the real ones.
 */
export class ReplayBench {
  readonly site: Site;
  readonly log: MemoryLog;
  readonly runs: ArchiveRuns;
  nowMs = 0;
  clockTrusted = true;
  readonly #dir: string;
  readonly #shards: OpenedShards;
  readonly #archiver: Archiver;
  readonly #checkpointer: Checkpointer;
  readonly #shadows: ShadowTasks;

  private constructor(dir: string, site: Site, shards: OpenedShards, { place, life }: BenchArchive) {
    this.site = site;
    this.#dir = dir;
    this.#shards = shards;
    this.log = new MemoryLog({ codec: contractCodec, segmentRecords: 1 });
    this.runs = new ArchiveRuns(join(dir, 'runs.ndjson'));
    mkdirSync(place, { recursive: true });
    const logger = pino({ level: 'silent' });
    const parts = {
      site,
      file: join(dir, 'archive.json'),
      runs: this.runs,
      life,
      log: this.log,
      entry: ENTRY,
    };
    this.#archiver = new Archiver(
      { ...parts, logger, nowMs: () => this.nowMs },
      { dir: place, format: 'csv' },
    );
    const { engines, stores } = shards;
    const idle = new Inbox(() => [].values());
    const policy = { readings: 1e9, everyMs: 1e9 };
    this.#checkpointer = new Checkpointer(policy, engines, stores, () => undefined, idle);
    const checkpointer = this.#checkpointer;
    this.#shadows = new ShadowTasks({ site, engines, stores, checkpointer, upTo: async () => undefined });
  }

  /** In an empty directory, or one with the files that a backup has of an archive. */
  static async open(dir: string, site: Site, archive: Partial<BenchArchive> = {}): Promise<ReplayBench> {
    mkdirSync(dir, { recursive: true });
    const shards = await openShards({
      kind: 'shards',
      thread: 0,
      site,
      stores: ALL_STORES,
      storeDir: join(dir, 'store'),
      progress: new Progress(1).shared,
      checkpoint: { readings: 1e9, everyMs: 1e9 },
    });
    return new ReplayBench(dir, site, shards, { place: join(dir, 'archive'), life: '', ...archive });
  }

  get engine(): ShardEngine {
    return this.#shards.engines.get(BENCH_SHARD)!;
  }

  /** They are counted, and are in the log. */
  async take(records: TestRecord[]): Promise<void> {
    for (const one of records) {
      const seq = this.log.bounds().last + 1;
      const record: LogRecord = buildRecord(this.site.streams[0], BENCH_SHARD, seq, one);
      await this.log.append(record);
      this.nowMs = Math.max(this.nowMs, one.wallMs);
      for (const engine of this.#shards.engines.values()) engine.apply(record);
      if (seq % CHECKPOINT_RECORDS === 0) await this.#checkpointer.run();
    }
  }

  /** A run of the archive up to each of the records. */
  async archive(...ends: number[]): Promise<void> {
    for (const to of ends)
      if ((await this.#archiver.run(to)) !== to)
        throw new Error(this.#archiver.status()?.fault ?? 'no archive');
  }

  /** The log begins with this record. */
  async forgetBefore(first: number): Promise<void> {
    await this.log.forget({ olderThanWallMs: null, maxBytes: 0, keepFromSeq: first });
    if (this.log.bounds().first !== first) throw new Error(`the log begins at ${this.log.bounds().first}`);
  }

  asked(id: number, rollup: string): StoredReplay {
    return newReplay(this.site, {
      id,
      rollups: [rollup],
      reason: 'asked',
      apply: false,
      from: null,
      to: null,
      startedAt: this.nowMs,
    });
  }

  storeDir({ replay }: StoredReplay): string {
    return join(this.#dir, `shadow-${replay.id}`);
  }

  /** Runs a replay to its end, or until the signal ends it where it stands, as a kill would: its thread is gone. */
  replay(
    stored: StoredReplay,
    own: Partial<RunPorts> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<TierDifference[]> {
    const { calls } = this.#shadows;
    const ports: RunPorts = {
      site: this.site,
      plan: null,
      log: this.log,
      thread: (setup) => new CalledThread(ENTRY, setup),
      storeDir: this.storeDir(stored),
      checkpointReadings: 1e9,
      keys: async () => BENCH_KEYS.length,
      archived: (before, streams) => this.runs.before(before, streams),
      nowMs: () => this.nowMs,
      clockTrusted: () => this.clockTrusted,
      ask: async <T>(method: string, params: unknown, asked: AbortSignal) => [
        (await calls[method as keyof typeof calls](params as never, asked)) as T,
      ],
      save: () => undefined,
      dropShadow: () => undefined,
      ...own,
    };
    return new ReplayRun(stored, ports, signal).run(false);
  }

  async close(): Promise<void> {
    await this.#checkpointer.close();
    for (const store of this.#shards.stores.values()) await store.close();
  }
}

/** Buckets that were compared, and those of them that differ. */
export function countsOf(tiers: TierDifference[]): { equal: number; differing: number } {
  const counts = { equal: 0, differing: 0 };
  for (const tier of tiers) {
    counts.equal += tier.equal;
    counts.differing += differencesIn(tier);
  }
  return counts;
}
