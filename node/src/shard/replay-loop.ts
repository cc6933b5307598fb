import { setPriority } from 'node:os';
import { join } from 'node:path';
import { sumOfFile } from '../archive/file-sum.ts';
import { type LogRecord, mergeFor, type StreamSpec, WeirError } from '../contract/index.ts';
import { SWAP_STREAM } from '../contract/site/swap-stream.ts';
import { ShardEngine } from '../engine/engine.ts';
import { type LevelRunStore, openLevelRunStore } from '../store/runs/level-run-store.ts';
import type { ArchivedRun } from './archive-messages.ts';
import { archivedRecords } from './archived-records.ts';
import { applyEntry, knownFrom } from './fill-shadow.ts';
import { shardsOf } from './open-shards.ts';
import { historyDrop, type TableDrop, tierDrops } from './retention-drops.ts';
import type {
  ArchivedAnswer,
  ArchivedQuestion,
  KnownFrom,
  ReplaySetup,
  TakeAnswer,
  TakeQuestion,
} from './shadow-messages.ts';
import { SHADOW_TUNING } from './shadow-tasks.ts';
import { STORES } from './thread-messages.ts';

/** What is left over when everything else has what it wants. */
const LOWEST_PRIORITY = 19;
const FOLD_MS = 50;
/** Of the archive, between two looks at whether the replay is still wanted. */
const ARCHIVED_READINGS_A_CALL = 20_000;

/**
 * Fills a shadow from the log: the engine that serves, over stores of its own and for some rollups only, as fast as
 * records come. Nobody asks it anything, so it does not work in slices.
 */
export class ReplayLoop {
  readonly #setup: ReplaySetup;
  readonly #stores = new Map<number, LevelRunStore>();
  readonly #engines = new Map<number, ShardEngine>();
  #readings = 0;
  /** The run of the archive that is being read. */
  #archived: { from: number; records: AsyncGenerator<LogRecord> } | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(setup: ReplaySetup) {
    this.#setup = setup;
  }

  readonly calls = {
    open: () => this.#inTurn(() => this.#open()),
    take: (question: TakeQuestion) => this.#inTurn(() => this.#take(question)),
    archived: (question: ArchivedQuestion) => this.#inTurn(() => this.#takeArchived(question)),
    checkpoint: () => this.#inTurn(() => this.#checkpoint()),
    close: () => this.#inTurn(() => this.#close()),
  };

  /** Calls come several at a time, so that the next records are there when the last are done. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    // Whoever asked has the rejection; the next one only waits its turn.
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #open(): Promise<[shard: number, seq: number][]> {
    // On Linux this is the thread's own priority: the other threads keep theirs.
    if (process.platform === 'linux' && this.#setup.urgent !== true) setPriority(0, LOWEST_PRIORITY);
    const { storeDir, stores, site, rollups, since } = this.#setup;
    for (const number of stores) {
      const shards = shardsOf(number);
      const dir = join(storeDir, String(number));
      const store = await openLevelRunStore({ dir, shards, merge: mergeFor, tuning: SHADOW_TUNING });
      this.#stores.set(number, store);
      for (const shard of shards) {
        const engine = new ShardEngine({ site, shard, store, rollups, since });
        engine.load();
        this.#engines.set(shard, engine);
      }
    }
    return this.#positions();
  }

  async #take({ entries, until }: TakeQuestion): Promise<TakeAnswer> {
    const ends = until === null ? null : new Map(until);
    let readings = 0;
    for (const entry of entries) readings += applyEntry(this.#engines, entry, ends);
    this.#readings += readings;
    if (this.#readings >= this.#setup.checkpointReadings) await this.#checkpoint();
    return { readings, kept: this.#kept() };
  }

  /** A record that a shard includes already is passed over: a run may be begun again. */
  async #takeArchived({ run, nowMs }: ArchivedQuestion): Promise<ArchivedAnswer> {
    if (this.#archived?.from !== run.from)
      this.#archived = { from: run.from, records: await this.#openRun(run) };
    const { records } = this.#archived;
    let readings = 0;
    let seq = run.to;
    let done = false;
    while (readings < ARCHIVED_READINGS_A_CALL) {
      const next = await records.next();
      if (next.done === true) {
        this.#archived = null;
        seq = run.to;
        done = true;
        break;
      }
      seq = next.value.seq;
      for (const section of next.value.sections) readings += section.rows;
      for (const engine of this.#engines.values()) engine.apply(next.value);
    }
    this.#readings += readings;
    if (this.#readings >= this.#setup.checkpointReadings) {
      await this.#checkpoint();
      await this.#forget(nowMs);
    }
    return { readings, kept: this.#kept(), seq, done };
  }

  /** Files that are not the ones that were archived are found before anything of them is taken. */
  async #openRun(run: ArchivedRun): Promise<AsyncGenerator<LogRecord>> {
    const streams = [...this.#streams(), SWAP_STREAM];
    for (const { stream, file, bytes, crc } of run.files) {
      if (!streams.some(({ name }) => name === stream)) continue;
      const found = await sumOfFile(file);
      if (found.bytes === bytes && found.crc === crc) continue;
      throw new WeirError(
        'WEIR_ARCHIVE_UNAVAILABLE',
        `${file} is not what was archived: its checksum is another. Nothing is replaced`,
      );
    }
    return archivedRecords(run, streams);
  }

  #streams(): StreamSpec[] {
    const { site, rollups } = this.#setup;
    const names = site.rollups.filter(({ name }) => rollups.includes(name)).map(({ stream }) => stream);
    return site.streams.filter(({ name }) => names.includes(name));
  }

  /**
   * Of years of readings a shadow keeps what the store would have kept: buckets that their tiers still have, and of the
   * history what raw covered then. Twice the widest bucket is left over, so that all that is compared is there.
   */
  async #forget(nowMs: number): Promise<void> {
    const { site } = this.#setup;
    const widths = site.rollups.flatMap(({ tiers }) => tiers.map(({ widthMs }) => widthMs));
    const tiers = tierDrops(site, nowMs - 2 * Math.max(0, ...widths));
    for (const [shard, engine] of this.#engines) {
      const history = this.#streams().flatMap((stream): TableDrop[] => {
        const mark = engine.watermark(stream.name);
        return mark === null ? [] : [historyDrop(stream, site.retention.rawMs, Math.min(mark, nowMs))];
      });
      for (const { table, beforePeriod } of [...tiers, ...history])
        await this.#stores.get(shard % STORES)!.dropBefore(shard, table, beforePeriod);
    }
  }

  #kept(): number {
    return Math.min(...this.#positions().map(([, seq]) => seq));
  }

  async #checkpoint(): Promise<[shard: number, seq: number][]> {
    this.#readings = 0;
    for (const [shard, engine] of this.#engines) {
      const store = this.#stores.get(shard % STORES)!;
      if (engine.position <= store.position(shard)) continue;
      const work = engine.checkpoint();
      while (work.slice()) await work.flush();
      await work.commit();
    }
    for (const store of this.#stores.values()) while (await store.foldSome(FOLD_MS));
    return this.#positions();
  }

  #positions(): [shard: number, seq: number][] {
    return [...this.#engines.keys()].map((shard) => [
      shard,
      this.#stores.get(shard % STORES)!.position(shard),
    ]);
  }

  /** Answers from when on all that it has made is made of what it has read. */
  async #close(): Promise<KnownFrom> {
    const known = knownFrom(this.#engines.values(), this.#streams());
    for (const store of this.#stores.values()) await store.close();
    return known;
  }
}
