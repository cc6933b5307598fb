import { ByteReader, ByteWriter } from './byte-writer.ts';
import { mergeChunks } from './chunk.ts';
import { mergeHistory } from './history-chunk.ts';
import { mergeSwaps } from './swaps-entry.ts';

/** What a table's values merge by: the values of one entry into one. Every merge is associative and exact. */
export function mergeFor(table: string): (values: Uint8Array[]) => Uint8Array {
  const kind = table.split('/', 1)[0];
  switch (kind) {
    case 'roll':
      return mergeChunks;
    case 'history':
      return mergeHistory;
    case 'keys':
      return mergeKeyStates;
    case 'ledger':
      return mergeCounts;
    case 'marks':
      return mergeMarks;
    case 'swaps':
      return mergeSwaps;
    case 'tuples':
      return (values) => values[0];
    default:
      throw new Error(`there is no merge for the table ${table}`);
  }
}

const writer = new ByteWriter();

/**
 * What a key's next reading needs to know: time of the oldest and of the newest counted reading, and of each counter
 * the last reading in the order of time, then value. NaN stands for none.
 */
export interface KeyState {
  oldest: number;
  newest: number;
  /** Time and value by turns, one pair a counter. */
  counters: Float64Array;
}

export function encodeKeyState(state: KeyState): Uint8Array {
  writer.reset();
  writer.unsigned(state.counters.length / 2);
  writer.signed(state.oldest);
  writer.signed(state.newest - state.oldest);
  for (let at = 0; at < state.counters.length; at += 2) {
    const time = state.counters[at];
    writer.byte(!Number.isNaN(time) ? 1 : 0);
    if (Number.isNaN(time)) continue;
    writer.signed(time - state.newest);
    writer.signed(state.counters[at + 1]);
  }
  return writer.take();
}

export function decodeKeyState(bytes: Uint8Array): KeyState {
  const reader = new ByteReader(bytes);
  const counters = new Float64Array(2 * reader.count(reader.left)).fill(Number.NaN);
  const oldest = reader.signed();
  const newest = oldest + reader.signed();
  for (let at = 0; at < counters.length; at += 2) {
    if (reader.byte() === 0) continue;
    counters[at] = newest + reader.signed();
    counters[at + 1] = reader.signed();
  }
  return { oldest, newest, counters };
}

function mergeKeyStates(values: Uint8Array[]): Uint8Array {
  if (values.length === 1) return values[0];
  const merged = decodeKeyState(values[0]);
  for (let value = 1; value < values.length; value++) addKeyState(merged, decodeKeyState(values[value]));
  return encodeKeyState(merged);
}

export function addKeyState(into: KeyState, from: KeyState): void {
  into.oldest = Math.min(into.oldest, from.oldest);
  into.newest = Math.max(into.newest, from.newest);
  const own = into.counters;
  const more = from.counters;
  for (let at = 0; at < own.length; at += 2) {
    if (!(own[at] > more[at]) && !Number.isNaN(more[at])) {
      own[at + 1] = own[at] === more[at] ? Math.max(own[at + 1], more[at + 1]) : more[at + 1];
      own[at] = more[at];
    }
  }
}

export function encodeCounts(counts: Float64Array): Uint8Array {
  writer.reset();
  // Zeros at the end are left out: a count that came with a later version makes no other bytes of an old one.
  let length = counts.length;
  while (length > 0 && counts[length - 1] === 0) length--;
  for (let at = 0; at < length; at++) writer.unsigned(counts[at]);
  return writer.take();
}

/** Counts that a longer list has more of are zero in a shorter one. */
export function addCounts(into: Float64Array, bytes: Uint8Array): void {
  const reader = new ByteReader(bytes);
  for (let at = 0; at < into.length && !reader.done; at++) into[at] += reader.unsigned();
}

/** More kinds of count than there will be. */
const MAX_COUNTS = 64;

function mergeCounts(values: Uint8Array[]): Uint8Array {
  if (values.length === 1) return values[0];
  const sum = new Float64Array(MAX_COUNTS);
  for (const value of values) addCounts(sum, value);
  return encodeCounts(sum);
}

export function encodeMark(watermark: number): Uint8Array {
  writer.reset();
  writer.signed(watermark);
  return writer.take();
}

export function decodeMark(bytes: Uint8Array): number {
  return new ByteReader(bytes).signed();
}

function mergeMarks(values: Uint8Array[]): Uint8Array {
  return encodeMark(Math.max(...values.map(decodeMark)));
}
