import type { LedgerAnswer } from '../contract/api/answers.ts';
import type {
  ChangedRange,
  ShardParts,
  ShardReadQuestion,
  ShardSwap,
  ShardTopAnswer,
  ShardTopQuestion,
} from '../contract/ask/shard-questions.ts';
import { WeirError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { encodeGroup, nameHash } from '../contract/measures/entry-key.ts';
import type { LogRecord, Section, StreamLayout } from '../contract/reading/section.ts';
import { shardOfHash } from '../contract/reading/shard-of.ts';
import type { Site } from '../contract/site/model.ts';
import { SWAP_STREAM } from '../contract/site/swap-stream.ts';
import { CheckpointWork } from './checkpoint-work.ts';
import { driven } from './driven.ts';
import { foldGroups } from './fold-groups.ts';
import { KEY_NEWEST } from './key-table.ts';
import { LedgerDelta, ledgerAnswer, newCounts, RECEIVED, reasonCount, storedLedger } from './ledger.ts';
import { Reader, readGroups } from './reader.ts';
import type { RunStore, RunView, StoredView } from './run-store.ts';
import { stateHash } from './state-hash.ts';
import { storedMark } from './stored-mark.ts';
import { noChange, type RollupState, StreamEngine } from './stream-engine.ts';
import { swapRows } from './swaps.ts';
import type { Since } from './unknown-intervals.ts';

/**
 * One shard: applies the log's records in order, moves what changed to the store when told, answers questions over both.
 * Its state is a function of the log alone: it reads no clock, and neither where checkpoints fall nor how often it was
 * rebuilt shows. Memory is bounded by the keys, and by what came since the last checkpoint.
 */
export class ShardEngine {
  readonly shard: number;
  readonly #site: Site;
  readonly #store: RunStore;
  readonly #streams: StreamEngine[];
  readonly #ledgers: LedgerDelta[] = [new LedgerDelta()];
  #view: StoredView;
  #position = 0;
  #checkpointing = false;
  /** Questions under way, which hold on to the generations that were there when they began. */
  #readers = 0;

  /**
   * Without `rollups` all are counted; a replay counts those that it makes anew, over what all of them keep of a key. One
   * that begins in the middle leaves out what is of before `since`.
   */
  constructor(options: {
    site: Site;
    shard: number;
    store: RunStore;
    rawMs?: number;
    rollups?: string[];
    since?: Since | null;
  }) {
    this.shard = options.shard;
    this.#site = options.site;
    this.#store = options.store;
    const rawMs = options.rawMs ?? options.site.retention.rawMs;
    this.#streams = options.site.streams.map(
      (spec) =>
        new StreamEngine(spec, options.site, {
          rawMs,
          futureMs: LIMITS.futureMs,
          only: options.rollups ?? null,
          since: options.since ?? null,
        }),
    );
    this.#view = options.store.view(options.shard);
    for (const stream of this.#streams) stream.see(this.#view);
  }

  /** Takes up where the store stands: what the keys' next readings need, the watermarks, the position. */
  load(): void {
    this.#look();
    for (const stream of this.#streams) stream.load(this.#view, storedMark(this.#view, stream.spec.name));
    this.#position = this.#store.position(this.shard);
  }

  /** Sequence of the last record that was applied. */
  get position(): number {
    return this.#position;
  }

  /** A record that is included already is passed over, so that replay may begin earlier than it must. */
  apply(record: LogRecord): void {
    if (record.seq <= this.#position) return;
    const wallMs = record.clockTrusted ? record.wallMs : null;
    if (wallMs !== null) for (const stream of this.#streams) stream.tick(wallMs);
    const ledger = this.#ledgers[this.#ledgers.length - 1];
    for (const section of record.sections) {
      if (section.shard !== this.shard) continue;
      const layout = record.layouts[section.layout];
      if (layout.stream === SWAP_STREAM.name) {
        this.#swaps(section, layout, record);
        continue;
      }
      const stream = this.#streams.find((one) => one.spec.name === layout.stream);
      if (stream === undefined) this.#unknown(ledger, section.rows, record.wallMs);
      else stream.apply(section, layout, record.seq, ledger.at(layout.stream, record.wallMs), wallMs);
    }
    for (const aside of record.setAside) {
      // It is told of when it comes again, with the time at which it came or for good.
      if (aside.reason === 'held') continue;
      if (shardOfHash(hashText(aside.topic)) !== this.shard) continue;
      const known = this.#streams.some((one) => one.spec.name === aside.stream);
      const counts = ledger.at(known ? aside.stream : NO_STREAM, record.wallMs);
      counts[RECEIVED]++;
      counts[reasonCount(aside.reason)]++;
    }
    this.#position = record.seq;
  }

  /** What an operator records is no reading: the ledger knows nothing of it. */
  #swaps(section: Section, layout: StreamLayout, record: LogRecord): void {
    for (const row of swapRows(section, layout, record.wallMs)) {
      const stream = this.#streams.find((one) => one.spec.name === row.stream);
      const from = row.key === 0 ? 0 : section.keyEnds[row.key - 1];
      const name = section.keyBytes.slice(from, section.keyEnds[row.key]);
      stream?.swap(row, name, section.keyHashes[row.key], record.seq);
    }
  }

  /** Swaps of all keys, those that were undone too. */
  swaps(): ShardSwap[] {
    return this.#streams.flatMap((stream) =>
      [...stream.swaps].flatMap(([key, { known }]) => {
        const meter = new TextDecoder().decode(stream.keys.name(key));
        const heard = stream.keys.double(key, KEY_NEWEST) > Number.NEGATIVE_INFINITY;
        return known.map((swap) => ({ stream: stream.spec.name, meter, heard, ...swap }));
      }),
    );
  }

  /** Readings of a stream that the site file no longer has. */
  #unknown(ledger: LedgerDelta, rows: number, wallMs: number): void {
    const counts = ledger.at(NO_STREAM, wallMs);
    counts[RECEIVED] += rows;
    counts[reasonCount('unknown')] += rows;
  }

  /** Event time whose buckets changed since the last call: at most two ranges a rollup. */
  takeChanges(): ChangedRange[] {
    const ranges: ChangedRange[] = [];
    for (const stream of this.#streams)
      for (const rollup of stream.rollups) {
        for (const { from, to } of [rollup.changed.late, rollup.changed.onTime])
          if (from <= to) ranges.push(wholeBuckets(rollup, from, to));
        rollup.changed = noChange();
      }
    return ranges;
  }

  /** Freezes what is in memory and answers the work of moving it to the store; one at a time. */
  checkpoint(): CheckpointWork {
    if (this.#checkpointing) throw new Error('a checkpoint is under way already');
    this.#checkpointing = true;
    const ledgers = this.#ledgers.slice();
    this.#ledgers.push(new LedgerDelta());
    const streams = this.#streams.map((stream) => {
      const generations = stream.generations.slice();
      stream.startGeneration();
      const { watermark, dimensions, unknown } = stream;
      return { stream, generations, watermark, tuplesTo: dimensions.count, unknown: unknown?.marks };
    });
    const to = this.#store.checkpoint(this.shard, this.#position);
    return new CheckpointWork(
      { timezone: this.#site.timezone, streams, ledgers },
      this.#position,
      to,
      (committed) => {
        this.#checkpointing = false;
        if (!committed) return;
        this.#ledgers.splice(0, ledgers.length);
        for (const { stream, generations } of streams) {
          stream.generations.splice(0, generations.length);
          if (this.#readers === 0) for (const generation of generations) generation.release();
        }
        this.#look();
      },
    );
  }

  #look(): void {
    const before = this.#view;
    this.#view = this.#store.view(this.shard);
    before.close();
    for (const stream of this.#streams) stream.see(this.#view);
  }

  /** Yields every 2 ms or so of work. A question that ends early (`return`) lets its view of the store go. */
  *read(question: Omit<ShardReadQuestion, 'shards' | 'minSeq'>): Generator<void, ShardParts, undefined> {
    const { stream, rollup } = this.#rollup(question.rollup);
    const view = this.#store.view(this.shard);
    this.#readers++;
    try {
      const reader = new Reader(stream, rollup, question, view, this.#site.timezone);
      return yield* readGroups(reader, question.maxGroups, stream.watermark);
    } finally {
      view.close();
      this.#readers--;
    }
  }

  /** What a top list needs of this shard. */
  *fold(question: Omit<ShardTopQuestion, 'shards' | 'minSeq'>): Generator<void, ShardTopAnswer, undefined> {
    const { stream, rollup } = this.#rollup(question.rollup);
    const view = this.#store.view(this.shard);
    this.#readers++;
    try {
      const reader = new Reader(stream, rollup, { ...question, edges: true }, view, this.#site.timezone);
      return yield* foldGroups(stream, rollup, question, reader, this.#site.timezone);
    } finally {
      view.close();
      this.#readers--;
    }
  }

  #rollup(name: string): { stream: StreamEngine; rollup: RollupState } {
    for (const stream of this.#streams)
      for (const rollup of stream.rollups) if (rollup.spec.name === name) return { stream, rollup };
    throw new WeirError('WEIR_NOT_FOUND', `there is no rollup ${JSON.stringify(name)}`, { field: 'rollup' });
  }

  /** Counts of the hours of log time that the range touches. */
  ledger(from: number, to: number, stream: string | null): LedgerAnswer {
    const sum = newCounts();
    const names = stream === null ? [...this.#streams.map((one) => one.spec.name), NO_STREAM] : [stream];
    for (const name of names) {
      storedLedger(this.#view, sum, name, from, to);
      for (const delta of this.#ledgers) delta.addTo(sum, name, from, to);
    }
    return ledgerAnswer(sum);
  }

  watermark(stream: string): number | null {
    const mark = this.#streams.find((one) => one.spec.name === stream)?.watermark ?? Number.NEGATIVE_INFINITY;
    return mark === Number.NEGATIVE_INFINITY ? null : mark;
  }

  /** Of a replay: intervals that end later are made of readings that it has read. Null where all of them are. */
  unknownTo(stream: string): number | null {
    const unknown = this.#streams.find((one) => one.spec.name === stream)?.unknown ?? null;
    return unknown === null || unknown.endTo === Number.NEGATIVE_INFINITY ? null : unknown.endTo;
  }

  /** What came since the last checkpoint began takes so much memory. */
  get changedBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams) bytes += stream.active.usedBytes;
    return bytes;
  }

  /** What it must know of its keys, however often there is a checkpoint. */
  get keyBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams) bytes += stream.keys.memoryBytes;
    return bytes;
  }

  stats(): { keys: number; groups: number; slots: number; memoryBytes: number; historyBytes: number } {
    const stats = { keys: 0, groups: 0, slots: 0, memoryBytes: 0, historyBytes: 0 };
    for (const stream of this.#streams) {
      stats.keys += stream.keys.count;
      stats.memoryBytes += stream.keys.memoryBytes;
      for (const rollup of stream.rollups) for (const groups of rollup.groups) stats.groups += groups.count;
      for (const generation of stream.generations) {
        stats.memoryBytes += generation.memoryBytes;
        stats.historyBytes += generation.history.memoryBytes;
        for (const table of generation.tables.flat()) stats.slots += table.slots.count - 1;
      }
    }
    return stats;
  }

  /** Of the logical state: the same wherever checkpoints fell and however runs lie in the store. */
  hash(): string {
    const streams = this.#streams.map((stream) => ({
      stream,
      generations: stream.generations,
      watermark: stream.watermark,
      tuplesTo: stream.dimensions.count,
    }));
    return driven(stateHash({ timezone: this.#site.timezone, streams, ledgers: this.#ledgers }, this.#view));
  }

  /**
   * The same of what a view of this shard's store holds, at the position of the store when the view was taken.
   * Readings are applied and checkpoints made meanwhile; neither shows.
   */
  hashStored(view: RunView): Generator<void, string, undefined> {
    const streams = this.#streams.map((stream) => ({
      stream,
      generations: [],
      watermark: storedMark(view, stream.spec.name),
      tuplesTo: 0,
    }));
    return stateHash({ timezone: this.#site.timezone, streams, ledgers: [] }, view);
  }
}

/** Of what belongs to no stream of the site file. */
const NO_STREAM = '';

function hashText(text: string): number {
  return nameHash(encodeGroup([text]));
}

function wholeBuckets(rollup: RollupState, from: number, to: number): ChangedRange {
  const width = rollup.widthMs;
  return {
    rollup: rollup.spec.name,
    from: Math.floor(from / width) * width,
    to: (Math.floor(to / width) + 1) * width,
  };
}
