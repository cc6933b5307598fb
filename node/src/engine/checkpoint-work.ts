import { newBuckets } from '../contract/measures/buckets.ts';
import { type Doubt, mergeDoubts } from '../contract/measures/doubt.ts';
import { compareBytes, encodeGroup, entryKey } from '../contract/measures/entry-key.ts';
import {
  copyHistoryRow,
  encodeHistory,
  type HistoryRows,
  newHistoryRows,
} from '../contract/measures/history-chunk.ts';
import { clearKeyState, encodeKeyState, newKeyState, noteRows } from '../contract/measures/key-state.ts';
import { mergeAll } from '../contract/measures/merge.ts';
import { encodeMark } from '../contract/measures/merge-for.ts';
import { encodeSwaps, mergeSwaps } from '../contract/measures/swaps-entry.ts';
import { HISTORY_SPAN_MS, ONLY_PERIOD, periodOf, TABLES } from '../contract/measures/tables.ts';
import { type Groups, KeyGroups, tupleKey } from './dimensions.ts';
import type { Generation } from './generation.ts';
import { inStoreOrder } from './group-order.ts';
import { KEY_STORED_S } from './key-table.ts';
import { LedgerDelta } from './ledger.ts';
import type { PartialTable } from './partial-table.ts';
import { CHECKPOINT_SLICE_BYTES, type Checkpoint } from './run-store.ts';
import type { StreamEngine } from './stream-engine.ts';
import { TierWriter } from './tier-writer.ts';
import { UNKNOWN_MARKS } from './unknown-intervals.ts';

/** One slice: some 2 ms of work. A put costs one; so do 16 rows of history, and 4 buckets. */
const COST_A_SLICE = 400;

/** What a checkpoint moves to the store: everything up to its position, and nothing after. */
export interface FrozenState {
  timezone: string;
  streams: FrozenStream[];
  ledgers: LedgerDelta[];
}

export interface FrozenStream {
  stream: StreamEngine;
  generations: Generation[];
  watermark: number;
  tuplesTo: number;
  /** Of a replay that begins in the middle: the marks of `UnknownIntervals`. */
  unknown?: number[] | undefined;
}

/**
 * A checkpoint under way. `slice` does some 2 ms of work and tells whether there is more; between slices the engine
 * takes records and answers questions. Nothing shows before `commit`.
 */
export class CheckpointWork {
  readonly position: number;
  readonly #to: Checkpoint;
  readonly #steps: Generator<void, void, undefined>;
  readonly #done: (committed: boolean) => void;
  #more = true;

  constructor(frozen: FrozenState, position: number, to: Checkpoint, done: (committed: boolean) => void) {
    this.position = position;
    this.#to = to;
    this.#steps = putEverything(frozen, to);
    this.#done = done;
  }

  /** False when everything is put and `commit` may follow. */
  slice(): boolean {
    if (this.#more) this.#more = this.#steps.next().done !== true;
    return this.#more;
  }

  /** Hands what waits to the disk, once it is enough. */
  async flush(): Promise<void> {
    if (this.#to.pendingBytes() >= CHECKPOINT_SLICE_BYTES) await this.#to.flush();
  }

  async commit(): Promise<void> {
    if (this.#more) throw new Error('a checkpoint is committed after its last slice');
    await this.#to.commit();
    this.#done(true);
  }

  /** What was frozen stays in memory and goes with the next checkpoint. */
  async abandon(): Promise<void> {
    try {
      await this.#to.abandon();
    } finally {
      this.#done(false);
    }
  }
}

export function* putEverything(frozen: FrozenState, to: Checkpoint): Generator<void, void, undefined> {
  for (const stream of frozen.streams) {
    putTuples(stream, to);
    putSwaps(stream, to);
    yield* putKeys(stream, to);
    for (let r = 0; r < stream.stream.rollups.length; r++)
      for (let g = 0; g < stream.stream.rollups[r].groups.length; g++)
        yield* putBuckets(stream, r, g, frozen.timezone, to);
  }
  putMarks(frozen.streams, to);
  putLedger(frozen.ledgers, to);
}

function putTuples({ stream, generations, tuplesTo }: FrozenStream, to: Checkpoint): void {
  const from = Math.min(...generations.map((generation) => generation.tuplesFrom));
  for (let tuple = from; tuple < tuplesTo; tuple++) {
    const dims = encodeGroup(stream.dimensions.dims(tuple));
    to.put(TABLES.tuples(stream.spec.name), ONLY_PERIOD, tupleKey(tuple), dims);
  }
}

function putSwaps({ stream, generations }: FrozenStream, to: Checkpoint): void {
  const byKey = new Map<number, Uint8Array[]>();
  for (const generation of generations)
    for (const [key, swaps] of generation.swaps)
      byKey.set(key, [...(byKey.get(key) ?? []), encodeSwaps(swaps)]);
  const entries = [...byKey].map(([key, values]) => ({
    key: stream.keys.entry(key),
    value: mergeSwaps(values),
  }));
  for (const { key, value } of entries.sort((a, b) => compareBytes(a.key, b.key)))
    to.put(TABLES.swaps(stream.spec.name), ONLY_PERIOD, key, value);
}

/** Keys that had a counted reading: what their next one needs to know, and their history. */
function* putKeys(frozen: FrozenStream, to: Checkpoint): Generator<void, void, undefined> {
  const { stream, generations } = frozen;
  const boots = stream.rules.map((rule) => rule.boot);
  const tables = { keys: TABLES.keys(stream.spec.name), history: TABLES.history(stream.spec.name) };
  const names: Groups = new KeyGroups(stream.keys);
  const logs = generations.map((generation) => generation.history);
  const scratch = logs.map(() => newHistoryRows(stream.kept.length, 64));
  const state = newKeyState(boots.length);
  const doubted = generations.filter(({ doubts }) => doubts.size > 0);
  // A swap has something to say of readings of which none came since.
  const has = (key: number) =>
    logs.some((log) => log.heads.get(key) !== 0) || doubted.some(({ doubts }) => doubts.has(key));
  let cost = 0;
  for (const keys of inStoreOrder(names, has)) {
    if (keys === null) yield;
    for (const key of keys ?? []) {
      const entry = names.entry(key);
      for (let at = 0; at < logs.length; at++) scratch[at] = logs[at].rowsOf(key, scratch[at]);
      const rows = sorted(scratch.length === 1 ? scratch[0] : together(scratch));
      rows.doubts = doubted.length === 0 ? NO_DOUBTS : doubtsOf(doubted, key);
      clearKeyState(state);
      noteRows(state, rows, boots);
      to.put(tables.keys, ONLY_PERIOD, entry, encodeKeyState(state));
      // On the safe side: from here on the store is asked for what it may not hold yet.
      const storedS = Math.ceil(state.newest / 1000);
      if (storedS > stream.keys.word(key, KEY_STORED_S)) stream.keys.setWord(key, KEY_STORED_S, storedS);
      putHistory(tables.history, entry, rows, to);
      cost += 2 + rows.n / 16;
      if (cost < COST_A_SLICE) continue;
      cost = 0;
      yield;
    }
  }
}

const NO_DOUBTS: Doubt[] = [];

function doubtsOf(generations: Generation[], key: number): Doubt[] {
  return mergeDoubts(generations.flatMap(({ doubts }) => doubts.get(key) ?? []));
}

/** The rows of a key by period, each with what is said of readings of its time. */
function putHistory(table: string, entry: Uint8Array, rows: HistoryRows, to: Checkpoint): void {
  const doubts = byPeriod(rows.doubts);
  for (let from = 0; from < rows.n; ) {
    const period = periodOf(rows.times[from], HISTORY_SPAN_MS);
    const end = (period + 1) * HISTORY_SPAN_MS;
    let next = from + 1;
    while (next < rows.n && rows.times[next] < end) next++;
    to.put(table, period, entry, encodeHistory(rows, from, next, doubts.get(period) ?? []));
    doubts.delete(period);
    from = next;
  }
  for (const [period, some] of doubts) to.put(table, period, entry, encodeHistory(rows, 0, 0, some));
}

function byPeriod(doubts: Doubt[]): Map<number, Doubt[]> {
  const periods = new Map<number, Doubt[]>();
  for (const doubt of doubts) {
    const period = periodOf(doubt.t, HISTORY_SPAN_MS);
    periods.set(period, [...(periods.get(period) ?? []), doubt]);
  }
  return periods;
}

function together(parts: HistoryRows[]): HistoryRows {
  const rows = parts.reduce((sum, part) => sum + part.n, 0);
  const all = newHistoryRows(parts[0].counters, rows);
  for (const part of parts) for (let row = 0; row < part.n; row++) copyHistoryRow(all, part, row);
  return all;
}

/** By time, id and content: the one order that a stored history has. */
function sorted(rows: HistoryRows): HistoryRows {
  let inOrder = true;
  for (let row = 1; row < rows.n && inOrder; row++) inOrder = orderOf(rows, row - 1, row) <= 0;
  if (inOrder) return rows;
  const places = Array.from({ length: rows.n }, (_, row) => row).sort((a, b) => orderOf(rows, a, b));
  const result = newHistoryRows(rows.counters, rows.n);
  for (const row of places) copyHistoryRow(result, rows, row);
  return result;
}

function orderOf(rows: HistoryRows, a: number, b: number): number {
  return rows.times[a] - rows.times[b] || rows.ids[a] - rows.ids[b] || rows.contents[a] - rows.contents[b];
}

function* putBuckets(
  frozen: FrozenStream,
  r: number,
  g: number,
  timezone: string,
  to: Checkpoint,
): Generator<void, void, undefined> {
  const rollup = frozen.stream.rollups[r];
  const groups = rollup.groups[g];
  const tables = frozen.generations.map((generation) => generation.tables[r][g]);
  const kinds = rollup.plans[g].kinds;
  const writer = new TierWriter(to, rollup.spec, g, kinds, timezone, frozen.watermark);
  const scratch = tables.map(() => newBuckets(kinds, 16));
  const has = (group: number) => tables.some((table) => table.heads.get(group) !== 0);
  for (const some of inStoreOrder(groups, has)) {
    if (some === null) yield;
    for (const group of some ?? []) {
      writer.write(groups.entry(group), gathered(tables, group, scratch));
      if (writer.cost < COST_A_SLICE) continue;
      writer.cost = 0;
      yield;
    }
  }
}

function gathered(tables: PartialTable[], group: number, scratch: ReturnType<typeof newBuckets>[]) {
  for (let at = 0; at < tables.length; at++) scratch[at] = tables[at].gather(group, scratch[at]);
  return tables.length === 1 ? scratch[0] : mergeAll(scratch);
}

function putMarks(streams: FrozenStream[], to: Checkpoint): void {
  const entries = streams
    .flatMap(({ stream: { spec }, watermark, unknown }) => [
      { name: [spec.name], mark: watermark },
      ...(unknown ?? []).map((mark, at) => ({ name: [spec.name, UNKNOWN_MARKS[at]], mark })),
    ])
    .filter(({ mark }) => mark > Number.NEGATIVE_INFINITY)
    .map(({ name, mark }) => ({ key: entryKey(encodeGroup(name)), value: encodeMark(mark) }))
    .sort((a, b) => compareBytes(a.key, b.key));
  for (const { key, value } of entries) to.put(TABLES.marks, ONLY_PERIOD, key, value);
}

function putLedger(ledgers: LedgerDelta[], to: Checkpoint): void {
  const merged = new LedgerDelta();
  for (const ledger of ledgers) merged.addAll(ledger);
  for (const stream of merged.streams())
    for (const { period, key, value } of merged.entries(stream))
      to.put(TABLES.ledger(stream), period, key, value);
}
