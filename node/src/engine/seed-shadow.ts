import { compareBytes, decodeGroup, encodeGroup, entryKey } from '../contract/measures/entry-key.ts';
import {
  copyHistoryRow,
  encodeHistory,
  type HistoryRows,
  mergedHistory,
  newHistoryRows,
} from '../contract/measures/history-chunk.ts';
import {
  encodeKeyState,
  type KeyState,
  mergedKeyState,
  newKeyState,
  noteRows,
} from '../contract/measures/key-state.ts';
import { encodeMark, mergeFor } from '../contract/measures/merge-for.ts';
import { type StreamShift, shiftHistory, shiftKeyState, TupleNumbers } from '../contract/measures/shift.ts';
import { HISTORY_SPAN_MS, ONLY_PERIOD, periodOf, TABLES } from '../contract/measures/tables.ts';
import { tupleKey } from './dimensions.ts';
import type { Checkpoint, RunView } from './run-store.ts';
import { SEEDED_MARK } from './stored-mark.ts';

/** Late readings find their neighbours in the last two periods; further back only what a register was counts. */
const RECENT_PERIODS = 2;
/** Keys between two yields. */
const KEYS_A_SLICE = 200;

/**
 * Writes what a replay that begins in the middle must know of what was before: the numbers of the dimensions, the swaps,
 * which keys had readings, and the history of each up to `from`, as far back as it takes to find the last value of each of
 * its counters. `boots` has the place of each counter's boot among what history keeps, or −1. With a shift it is written
 * as another site file has it, whose boots they are.
 */
export function* seedShadow(
  stream: string,
  boots: number[],
  from: number,
  stored: RunView,
  to: Checkpoint,
  shift: StreamShift | null = null,
): Generator<void, void, undefined> {
  const tuples = seedTuples(stream, stored, to, shift);
  const swaps = TABLES.swaps(stream);
  for (const { key, values } of stored.scan(swaps, ONLY_PERIOD))
    to.put(swaps, ONLY_PERIOD, key, mergeFor(swaps)(values));
  const table = TABLES.history(stream);
  const before = stored
    .periods(table, Number.NEGATIVE_INFINITY, periodOf(from - 1, HISTORY_SPAN_MS))
    .reverse();
  // Of every key these are asked for: read beside the keys, in their order, where looking each up costs ten times as much.
  const recent = new Map(
    before.slice(0, RECENT_PERIODS).map((one) => [one, new Beside(stored.scan(table, one))]),
  );
  let keys = 0;
  for (const { key, values } of stored.scan(TABLES.keys(stream), ONLY_PERIOD)) {
    if (++keys % KEYS_A_SLICE === 0) yield;
    const live = mergedKeyState(values);
    const state = shift === null ? live : shiftKeyState(live, shift);
    if (state.oldest >= from) continue;
    const seed = new KeySeed(state, boots, from);
    for (const period of before) {
      if (seed.complete(period)) break;
      const some = recent.get(period)?.at(key) ?? stored.get(table, period, key);
      if (some.length === 0) continue;
      const all = mergedHistory(some);
      const rows = seed.take(shift === null ? all : shiftHistory(all, shift, tuples));
      if (rows.n > 0) to.put(table, period, key, encodeHistory(rows));
    }
    // Readings before may be known of that history has no more.
    seed.state.oldest = state.oldest;
    seed.state.newest = Math.max(seed.state.newest, state.oldest);
    to.put(TABLES.keys(stream), ONLY_PERIOD, key, encodeKeyState(seed.state));
  }
}

/** A scan that is read beside another one of ascending keys. */
class Beside {
  readonly #entries: Iterator<{ key: Uint8Array; values: Uint8Array[] }>;
  #next: { key: Uint8Array; values: Uint8Array[] } | null = null;

  constructor(entries: Iterable<{ key: Uint8Array; values: Uint8Array[] }>) {
    this.#entries = entries[Symbol.iterator]();
    this.#advance();
  }

  /** The values of a key, which comes after all that were asked for. */
  at(key: Uint8Array): Uint8Array[] {
    while (this.#next !== null && compareBytes(this.#next.key, key) < 0) this.#advance();
    return this.#next !== null && compareBytes(this.#next.key, key) === 0 ? this.#next.values : [];
  }

  #advance(): void {
    const step = this.#entries.next();
    this.#next = step.done === true ? null : step.value;
  }
}

/**
 * Up to which record the shadow's beginnings have what is of before it: later ones may have late readings of that time.
 * And the watermark as it was there, by the clock: a record that was written while the clock was not trusted tells none.
 */
export function seedMarks(
  streams: string[],
  { seededTo, watermark }: { seededTo: number; watermark: number | null },
  to: Checkpoint,
): void {
  const marks = streams.flatMap((stream) => [
    { key: entryKey(encodeGroup([stream, SEEDED_MARK])), mark: seededTo },
    ...(watermark === null ? [] : [{ key: entryKey(encodeGroup([stream])), mark: watermark }]),
  ]);
  for (const { key, mark } of marks.sort((a, b) => compareBytes(a.key, b.key)))
    to.put(TABLES.marks, ONLY_PERIOD, key, encodeMark(mark));
}

/** Answers the new number of each; without a shift they keep theirs. */
function seedTuples(stream: string, stored: RunView, to: Checkpoint, shift: StreamShift | null): number[] {
  const table = TABLES.tuples(stream);
  if (shift === null) {
    for (const { key, values } of stored.scan(table, ONLY_PERIOD)) to.put(table, ONLY_PERIOD, key, values[0]);
    return [];
  }
  const numbers = new TupleNumbers();
  const shifted = shiftedTuples(stream, stored, shift, numbers);
  putTuples(table, numbers, to);
  return shifted;
}

/** New numbers by the old ones. A stream without dimensions has one combination, which is not stored. */
export function shiftedTuples(
  stream: string,
  stored: RunView,
  shift: StreamShift,
  numbers: TupleNumbers,
): number[] {
  const shifted: number[] = [];
  for (const { values } of stored.scan(TABLES.tuples(stream), ONLY_PERIOD))
    shifted.push(numbers.shifted(decodeGroup(values[0]), shift));
  if (shifted.length === 0) shifted.push(numbers.shifted([], shift));
  return shifted;
}

export function putTuples(table: string, numbers: TupleNumbers, to: Pick<Checkpoint, 'put'>): void {
  for (const [n, dims] of numbers.all.entries())
    if (dims.length > 0) to.put(table, ONLY_PERIOD, tupleKey(n), encodeGroup(dims));
}

/** What is known of one key before the span. */
class KeySeed {
  readonly state: KeyState;
  readonly #live: KeyState;
  readonly #boots: number[];
  readonly #from: number;
  readonly #newestPeriod: number;

  constructor(live: KeyState, boots: number[], from: number) {
    this.#live = live;
    this.#boots = boots;
    this.#from = from;
    this.#newestPeriod = periodOf(from - 1, HISTORY_SPAN_MS);
    this.state = newKeyState(boots.length);
  }

  complete(period: number): boolean {
    return period <= this.#newestPeriod - RECENT_PERIODS && this.#isKnown();
  }

  /** Whether every counter that the key ever had has a value before the span. */
  #isKnown(): boolean {
    if (this.state.newest === Number.NEGATIVE_INFINITY) return false;
    for (let at = 0; at < this.state.counters.length; at += 2)
      if (Number.isNaN(this.state.counters[at]) && !Number.isNaN(this.#live.counters[at])) return false;
    return true;
  }

  /** Takes the rows before the span, which it answers. Periods come newest first. */
  take(rows: HistoryRows): HistoryRows {
    const kept = rows.n > 0 && rows.times[rows.n - 1] < this.#from ? rows : this.#before(rows);
    kept.doubts = rows.doubts.filter(({ t }) => t < this.#from);
    noteRows(this.state, kept, this.#boots);
    return kept;
  }

  #before(rows: HistoryRows): HistoryRows {
    const some = newHistoryRows(rows.counters, rows.n);
    for (let row = 0; row < rows.n && rows.times[row] < this.#from; row++) copyHistoryRow(some, rows, row);
    return some;
  }
}
