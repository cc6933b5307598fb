import { LIMITS, readHeader, type Site, type TierDifference, WeirError } from '../../contract/index.ts';
import { LargestDifferences } from '../../engine/largest-differences.ts';
import { bootPlaces } from '../../engine/stream-engine.ts';
import type { CommitLog } from '../../log/port.ts';
import type {
  CompareAnswer,
  CompareQuestion,
  PinQuestion,
  ReplaySetup,
  SeedQuestion,
} from '../../shard/shadow-messages.ts';
import { ALL_STORES, STORES } from '../../shard/thread-messages.ts';
import type { ArchivedRaw } from '../archive-runs.ts';
import { STEP_BACK_MS } from '../clock-trust.ts';
import { type ReshapePlan, sinceOf } from '../reshape/reshape-plan.ts';
import type { StoredReplay } from './replay-file.ts';
import { type Positions, type ReplayLine, ReplayThread, type Taken } from './replay-thread.ts';

const HOUR_MS = 3_600_000;
/** Readings between two checkpoints of a shadow: 60 MB, 130 where each has a bucket of its own, and some seconds to read again. */
export const CHECKPOINT_READINGS = 1_000_000;
/** With fewer readings of a key in a checkpoint, one store is filled after the other. */
const READINGS_OF_A_KEY = 10;
const STORES_AT_ONCE = 2;
/** With fewer records to go the stores are looked at, and the last ones follow. */
const NEARLY_RECORDS = 64;
/** Progress is kept so often: what a restart shows. */
const SAVE_MS = 5_000;

export interface RunPorts {
  site: Site;
  /** Of an edit of the site file: what is made anew for another shape than what is stored. */
  plan: ReshapePlan | null;
  log: CommitLog;
  /** Starts what fills a shadow. */
  thread(setup: ReplaySetup): ReplayLine;
  storeDir: string;
  /** Readings between two checkpoints of the shadow. */
  checkpointReadings: number;
  /** Of the shards that serve. */
  keys(signal: AbortSignal): Promise<number>;
  /** Raw readings of streams from before a record of the log; null where nothing was ever archived. */
  archived(before: number, streams: string[]): ArchivedRaw | null;
  nowMs(): number;
  clockTrusted(): boolean;
  ask<T>(method: string, params: unknown, signal: AbortSignal): Promise<T[]>;
  save(): void;
  dropShadow(): void;
}

/** Where a shadow begins: every reading from that event time on is in that record or after; null: all there ever were. */
interface Start {
  seq: number;
  since: number | null;
}

/**
 * One replay from where it stands to its report: what the shadow begins with, the log into the shadow, and the
 * comparison at positions that both have. It may be ended at any moment and begun again: the shadow knows how far it is.
 */
export class ReplayRun {
  readonly #stored: StoredReplay;
  readonly #ports: RunPorts;
  readonly #signal: AbortSignal;
  #savedAt = 0;
  /** The log from here on is still needed. Null while the archive is read: what the log forgets goes there first. */
  keepFromSeq: number | null;

  constructor(stored: StoredReplay, ports: RunPorts, signal: AbortSignal) {
    this.#stored = stored;
    this.#ports = ports;
    this.#signal = signal;
    this.keepFromSeq = stored.begun ? stored.replay.records.from : ports.log.bounds().first;
  }

  /** Answers what differed. With `apply` it is right afterwards. */
  async run(apply: boolean): Promise<TierDifference[]> {
    if (!this.#stored.begun) await this.#begin();
    const { checkpointReadings, keys } = this.#ports;
    if ((await keys(this.#signal)) * READINGS_OF_A_KEY > checkpointReadings) await this.#fillApart();
    const thread = this.#threadOf(ALL_STORES);
    try {
      await this.#fill(thread);
      await thread.end();
      // What has another shape cannot be compared; it takes its place when the board begins anew.
      return this.#ports.plan === null ? await this.#compare(apply) : [];
    } finally {
      await thread.end();
      // A line to a thread that is being started again has nothing to let go.
      await this.#ports.ask('unpin', null, new AbortController().signal).catch(() => undefined);
    }
  }

  #threadOf(stores: readonly number[]): ReplayThread {
    const thread = this.#ports.thread({
      kind: 'replay',
      site: this.#ports.site,
      rollups: this.#stored.replay.rollups,
      storeDir: this.#ports.storeDir,
      since: sinceOf(this.#ports.plan, this.#stored.since),
      stores,
      checkpointReadings: this.#ports.checkpointReadings,
    });
    return new ReplayThread(thread);
  }

  async #begin(): Promise<void> {
    const { log } = this.#ports;
    const { replay } = this.#stored;
    const { first, last } = log.bounds();
    const inLog: Start = { seq: first, since: await this.#logSince(first) };
    const start = this.#inArchive(inLog) ?? inLog;
    replay.from = later(start.since, replay.from);
    if (replay.from !== null && replay.to !== null && replay.from >= replay.to)
      throw new WeirError(
        'WEIR_BAD_QUESTION',
        `raw readings cover the time from ${new Date(replay.from).toISOString()} on, which is after the end asked for`,
        { field: 'to', suggestion: 'What lies before is kept as it is.' },
      );
    // History knows what was before; of the archive all is read, since it knows too little of a time so long ago.
    if (start === inLog && replay.from !== null) {
      start.since = replay.from;
      start.seq = await this.#firstWith(replay.from, last);
    }
    // What a beginning that was cut short left behind would be there twice.
    this.#ports.dropShadow();
    if (start.since !== null) await this.#seed(start.seq, start.since, last);
    replay.records = { from: start.seq, done: start.seq - 1, to: last };
    this.#stored.since = start.since;
    this.#stored.begun = true;
    this.keepFromSeq = Math.max(start.seq, first);
    this.#ports.save();
  }

  async #seed(fromSeq: number, since: number, last: number): Promise<void> {
    const { ask, site, storeDir } = this.#ports;
    await ask<Positions>('pin', { minSeq: last } satisfies PinQuestion, this.#signal);
    const shifts = Object.fromEntries(this.#ports.plan?.streams.map((one) => [one.stream, one.shift]) ?? []);
    const streams = this.#streams();
    const boots = Object.fromEntries(streams.map((one) => [one, bootPlaces(site, one)]));
    const watermark = await this.#trustedBefore(fromSeq);
    const seed = { storeDir, streams, boots, shifts, fromSeq, since, watermark } satisfies SeedQuestion;
    await ask<void>('seed', seed, this.#signal);
  }

  /** The archive before the log, as far back as it goes; null where it is not wanted or helps nothing. */
  #inArchive(log: Start): Start | null {
    const { replay } = this.#stored;
    // The nightly job has a day that raw covers, and an edit of the site file does not wait for years of readings.
    const isWanted = replay.reason === 'asked' || replay.reason === 'site';
    if (!isWanted || log.since === null || (replay.from !== null && replay.from >= log.since)) return null;
    const found = this.#ports.archived(log.seq, this.#streams());
    if (found === null) return null;
    const { runs, why } = found;
    if (runs.length === 0) {
      replay.archive = `not read: ${why}`;
      return null;
    }
    const [{ from: seq }] = runs;
    const wallMs = runs.find((run) => run.wallMs !== null)?.wallMs ?? null;
    replay.archive = `records ${seq} to ${log.seq - 1} of the log${why === null ? '' : `; ${why}`}`;
    const since = wallMs === null ? log.since : coveredFrom(wallMs);
    return { seq, since: seq === 1 ? null : since };
  }

  async #logSince(first: number): Promise<number | null> {
    if (first <= 1) return null;
    // A board that does not know the time writes records of 1970: the first one after it does counts.
    for await (const { seq, bytes } of this.#ports.log.read(first)) {
      const header = bytes === null ? null : readHeader(Buffer.from(bytes));
      if (header === null || 'fault' in header)
        throw new WeirError('WEIR_LOG_DAMAGED', `record ${seq} of the log fails its checksum`);
      if (header.clockTrusted) return coveredFrom(header.wallMs);
    }
    const { clockTrusted, nowMs } = this.#ports;
    if (clockTrusted()) return coveredFrom(nowMs());
    throw new WeirError(
      'WEIR_NOT_READY',
      `no record from ${first} on has a time that is trusted, nor has the board: of what time the log has every reading cannot be told`,
      { suggestion: 'Start the replay again when the clock is set.' },
    );
  }

  /**
   * The newest time of a trusted clock before a record, which is how far watermarks were, or as good as that: devices may
   * be ahead of it, but not with readings of before the replay. Such a clock goes back by less than a step.
   */
  async #trustedBefore(seq: number): Promise<number | null> {
    const { log } = this.#ports;
    let newest: number | null = null;
    for (let at = seq - 1; at >= log.bounds().first; at--) {
      const bytes = (await log.get(at))?.bytes;
      const header = bytes ? readHeader(Buffer.from(bytes)) : null;
      // What cannot be read is passed over, as a start does.
      if (header === null || 'fault' in header || !header.clockTrusted) continue;
      newest = Math.max(newest ?? header.wallMs, header.wallMs);
      if (header.wallMs <= newest - STEP_BACK_MS) break;
    }
    return newest;
  }

  /** The first record that may hold a reading at or after the time. */
  async #firstWith(from: number, last: number): Promise<number> {
    const { log } = this.#ports;
    let least = last + 1;
    for (const stream of this.#streams()) {
      const query = { stream, from, to: Number.MAX_SAFE_INTEGER, keyHash: null, limit: 1 };
      const [seq] = await log.find({ ...query, order: 'asc' });
      if (seq !== undefined) least = Math.min(least, seq);
    }
    return least;
  }

  #streams(): string[] {
    const { plan, site } = this.#ports;
    if (plan !== null) return plan.read;
    const rollups = site.rollups.filter(({ name }) => this.#stored.replay.rollups.includes(name));
    return [...new Set(rollups.map(({ stream }) => stream))];
  }

  /**
   * The log as it is now, into each store by itself. Each time the log is read and decoded anew, which costs less than
   * the entries that are spared: a checkpoint has four times as many readings of a key.
   */
  async #fillApart(): Promise<void> {
    const { from } = this.#stored.replay.records;
    const { first, last: to } = this.#ports.log.bounds();
    // What begins in the archive is for the thread of all stores.
    if (from < first) return;
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#signal, failed.signal]);
    const done = ALL_STORES.map(() => from - 1);
    const waiting = [...ALL_STORES];
    const fillSome = async () => {
      try {
        for (let store = waiting.shift(); store !== undefined; store = waiting.shift())
          for await (const { seq, readings } of this.#fillStore(store, to, signal)) {
            done[store] = seq;
            this.#note({ seq: Math.floor(done.reduce((sum, one) => sum + one, 0) / STORES), readings });
          }
      } catch (fault) {
        failed.abort(fault);
      }
    };
    await Promise.all(Array.from({ length: STORES_AT_ONCE }, fillSome));
    signal.throwIfAborted();
  }

  async *#fillStore(store: number, to: number, signal: AbortSignal): AsyncGenerator<Taken> {
    const thread = this.#threadOf([store]);
    try {
      const from = 1 + Math.min(...(await thread.open(signal)).map(([, seq]) => seq));
      yield* thread.feed(this.#ports.log, { from, to, until: null }, signal);
      await thread.checkpoint(signal);
      await thread.close(signal);
    } finally {
      await thread.end();
    }
  }

  /** Up to the newest record; then to where each shard's store stands, exactly. */
  async #fill(thread: ReplayThread): Promise<void> {
    const { log, ask } = this.#ports;
    const positions = await thread.open(this.#signal);
    let next = await this.#fillFromArchive(thread, 1 + Math.min(...positions.map(([, seq]) => seq)));
    do {
      const to = log.bounds().last;
      await this.#feed(thread, { from: next, to, until: null });
      next = Math.max(next, to + 1);
    } while (log.bounds().last - next >= NEARLY_RECORDS);
    const pinned = await ask<Positions>('pin', { minSeq: next - 1 } satisfies PinQuestion, this.#signal);
    const until = pinned.flat();
    await this.#feed(thread, { from: next, to: Math.max(...until.map(([, seq]) => seq)), until });
    await thread.checkpoint(this.#signal);
    this.#stored.knownFrom = await thread.close(this.#signal);
  }

  /** Up to where the log begins, which moves meanwhile. Answers the record to go on with. */
  async #fillFromArchive(thread: ReplayThread, from: number): Promise<number> {
    const { log, nowMs } = this.#ports;
    let next = from;
    for (let first = log.bounds().first; next < first; first = log.bounds().first) {
      const found = this.#ports.archived(first, this.#streams());
      const runs = found?.runs.filter(({ to }) => to >= next) ?? [];
      if (runs.length === 0 || runs[0].from > next)
        throw new WeirError(
          'WEIR_ARCHIVE_UNAVAILABLE',
          `records ${next} to ${first - 1} of the log are forgotten, and not all of them can be had from the archive: ${found?.why ?? 'there is none'}`,
          { suggestion: 'Start the replay again.' },
        );
      for (const run of runs) {
        this.keepFromSeq = null;
        for await (const taken of thread.archived(run, nowMs(), this.#signal)) this.#note(taken);
        next = run.to + 1;
        this.keepFromSeq = next;
      }
    }
    return next;
  }

  #note({ seq, readings }: { seq: number; readings: number }): void {
    const { replay } = this.#stored;
    replay.records.done = seq;
    replay.readings += readings;
    const now = performance.now();
    if (now - this.#savedAt < SAVE_MS) return;
    this.#savedAt = now;
    this.#ports.save();
  }

  async #feed(
    thread: ReplayThread,
    range: { from: number; to: number; until: Positions | null },
  ): Promise<void> {
    const { replay } = this.#stored;
    replay.records.to = Math.max(replay.records.to, range.to);
    for await (const taken of thread.feed(this.#ports.log, range, this.#signal)) {
      this.keepFromSeq = taken.kept + 1;
      this.#note(taken);
    }
  }

  async #compare(apply: boolean): Promise<TierDifference[]> {
    const { ask, storeDir, nowMs } = this.#ports;
    const { replay, knownFrom } = this.#stored;
    const question: CompareQuestion = {
      rollups: replay.rollups,
      span: { from: replay.from, to: replay.to },
      storeDir,
      knownFrom,
      nowMs: nowMs(),
      apply,
    };
    const answers = await ask<CompareAnswer>('compare', question, this.#signal);
    return sumOf(answers.flatMap(({ tiers }) => tiers));
  }
}

/**
 * Event time from which no reading came before a record that was written then: a reading may be ahead of its arrival by
 * what the door lets pass, and the clock may have been set by an hour.
 */
function coveredFrom(wallMs: number): number {
  return wallMs + LIMITS.futureMs + HOUR_MS;
}

function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

/** One row a tier, over all shards. */
export function sumOf(tiers: TierDifference[]): TierDifference[] {
  const sums = new Map<string, { sum: TierDifference; largest: LargestDifferences }>();
  for (const tier of tiers) {
    const name = JSON.stringify([tier.rollup, tier.by, tier.tier]);
    const known = sums.get(name) ?? {
      sum: { ...tier, equal: 0, changed: 0, added: 0, removed: 0 },
      largest: new LargestDifferences(),
    };
    sums.set(name, known);
    known.sum.equal += tier.equal;
    known.sum.changed += tier.changed;
    known.sum.added += tier.added;
    known.sum.removed += tier.removed;
    for (const group of tier.largest) known.largest.add(group);
  }
  return [...sums.values()].map(({ sum, largest }) => ({ ...sum, largest: largest.top() }));
}
