import { ByteReader, ByteWriter } from './byte-writer.ts';
import { type Doubt, readDoubts, writeDoubts } from './doubt.ts';
import type { HistoryRows } from './history-chunk.ts';
import type { Slice } from './slice.ts';

/**
 * What a key's next reading needs to know: time of the oldest and of the newest counted reading, and of each counter
 * the last reading in the order of time, then value, with the state of the register after it. NaN stands for none.
 */
export interface KeyState {
  oldest: number;
  newest: number;
  /** Time and value by turns, one pair a counter. */
  counters: Float64Array;
  /** By counter, of the last reading: what tells the boot of its device. */
  boots: Float64Array;
  /** By counter, of the last reading; null where it settles the register. */
  doubts: (Doubt | null)[];
}

export function newKeyState(counters: number): KeyState {
  return {
    oldest: Number.POSITIVE_INFINITY,
    newest: Number.NEGATIVE_INFINITY,
    counters: new Float64Array(2 * counters).fill(Number.NaN),
    boots: new Float64Array(counters).fill(Number.NaN),
    doubts: Array.from({ length: counters }, () => null),
  };
}

export function clearKeyState(state: KeyState): void {
  state.oldest = Number.POSITIVE_INFINITY;
  state.newest = Number.NEGATIVE_INFINITY;
  state.counters.fill(Number.NaN);
  state.boots.fill(Number.NaN);
  state.doubts.fill(null);
}

/** What stands behind the counters, when there is anything: its version. */
const DOUBTS_VERSION = 1;

const ABSENT = 0;
const LAST = 1;
const LAST_WITH_BOOT = 2;

const writer = new ByteWriter();

export function encodeKeyState({ oldest, newest, counters, boots, doubts }: KeyState): Uint8Array {
  writer.reset();
  writer.unsigned(boots.length);
  writer.signed(oldest);
  writer.signed(newest - oldest);
  for (let c = 0; c < boots.length; c++) {
    const time = counters[2 * c];
    const boot = boots[c];
    writer.byte(Number.isNaN(time) ? ABSENT : Number.isNaN(boot) ? LAST : LAST_WITH_BOOT);
    if (Number.isNaN(time)) continue;
    writer.signed(time - newest);
    writer.signed(counters[2 * c + 1]);
    if (!Number.isNaN(boot)) writer.signed(boot);
  }
  const some = doubts.filter((doubt) => doubt !== null);
  if (some.length > 0) {
    writer.byte(DOUBTS_VERSION);
    writeDoubts(writer, some);
  }
  return writer.take();
}

export function decodeKeyState(bytes: Uint8Array): KeyState {
  return decodeInto(new ByteReader(bytes), newKeyState(0));
}

/** HOT: the state that is given, or a new one where it has room for another number of counters. */
function decodeInto(reader: ByteReader, kept: KeyState): KeyState {
  const counters = reader.count(reader.left);
  const state = kept.boots.length === counters ? kept : newKeyState(counters);
  state.oldest = reader.signed();
  state.newest = state.oldest + reader.signed();
  for (let c = 0; c < counters; c++) {
    const form = reader.byte();
    const isKnown = form !== ABSENT;
    state.counters[2 * c] = isKnown ? state.newest + reader.signed() : Number.NaN;
    state.counters[2 * c + 1] = isKnown ? reader.signed() : Number.NaN;
    state.boots[c] = form === LAST_WITH_BOOT ? reader.signed() : Number.NaN;
    state.doubts[c] = null;
  }
  if (reader.done) return state;
  const version = reader.byte();
  if (version !== DOUBTS_VERSION) throw new Error(`doubts of version ${version}, not ${DOUBTS_VERSION}`);
  for (const doubt of readDoubts(reader)) state.doubts[doubt.counter] = doubt;
  return state;
}

/**
 * Reads states into one that is used again and again: a start reads a million, and the arrays of each took it longer
 * than all else. What is answered holds until the next is read.
 */
export class KeyStateReader {
  #merged = newKeyState(0);
  #more = newKeyState(0);
  readonly #reader = new ByteReader(new Uint8Array(0));

  /** HOT: what `mergedKeyState` makes of them. */
  read(values: readonly Slice[]): KeyState {
    this.#reader.open(values[0]);
    this.#merged = decodeInto(this.#reader, this.#merged);
    for (let value = 1; value < values.length; value++) {
      this.#reader.open(values[value]);
      this.#more = decodeInto(this.#reader, this.#more);
      addKeyState(this.#merged, this.#more);
    }
    return this.#merged;
  }
}

export function mergeKeyStates(values: Uint8Array[]): Uint8Array {
  return values.length === 1 ? values[0] : encodeKeyState(mergedKeyState(values));
}

export function mergedKeyState(values: Uint8Array[]): KeyState {
  const merged = decodeKeyState(values[0]);
  for (let value = 1; value < values.length; value++) addKeyState(merged, decodeKeyState(values[value]));
  return merged;
}

function addKeyState(into: KeyState, from: KeyState): void {
  into.oldest = Math.min(into.oldest, from.oldest);
  into.newest = Math.max(into.newest, from.newest);
  for (let c = 0; c < into.boots.length; c++) {
    takeLast(into, c, from.counters[2 * c], from.counters[2 * c + 1], from.boots[c]);
    const doubt = from.doubts[c];
    if (doubt !== null) takeDoubt(into, doubt);
  }
}

/** A reading is the last one of a counter, unless one after it is known. */
function takeLast(state: KeyState, c: number, t: number, v: number, boot: number): void {
  const { counters, boots, doubts } = state;
  const order = t - counters[2 * c] || v - counters[2 * c + 1];
  if (Number.isNaN(t) || order < 0) return;
  if (order === 0) {
    // Readings that are alike in time and value are all in doubt but the one that came first: `takeDoubt` decides.
    if (doubts[c] === null && !(boots[c] >= boot)) boots[c] = boot;
    return;
  }
  counters[2 * c] = t;
  counters[2 * c + 1] = v;
  boots[c] = boot;
  doubts[c] = null;
}

/** What is said of a counter's last reading counts, and by the newest record. */
function takeDoubt(state: KeyState, doubt: Doubt): void {
  const c = doubt.counter;
  takeLast(state, c, doubt.t, doubt.v, doubt.boot);
  if (doubt.t !== state.counters[2 * c] || doubt.v !== state.counters[2 * c + 1]) return;
  const known = state.doubts[c];
  if (known !== null && (known.id - doubt.id || known.seq - doubt.seq) > 0) return;
  state.doubts[c] = doubt;
  state.boots[c] = doubt.boot;
}

/** Takes up what readings, ascending by time, say of their key. `boots` has the place of each counter's boot, or −1. */
export function noteRows(state: KeyState, rows: HistoryRows, boots: number[]): void {
  if (rows.n > 0) {
    state.oldest = Math.min(state.oldest, rows.times[0]);
    state.newest = Math.max(state.newest, rows.times[rows.n - 1]);
  }
  for (let c = 0; c < boots.length; c++)
    for (let row = rows.n - 1; row >= 0; row--) {
      const value = rows.values[c][row];
      if (Number.isNaN(value)) continue;
      // Of one instant the largest value is last.
      if (rows.times[row] < state.counters[2 * c]) break;
      takeLast(state, c, rows.times[row], value, boots[c] < 0 ? Number.NaN : rows.values[boots[c]][row]);
    }
  for (const doubt of rows.doubts) {
    state.oldest = Math.min(state.oldest, doubt.t);
    state.newest = Math.max(state.newest, doubt.t);
    takeDoubt(state, doubt);
  }
}
