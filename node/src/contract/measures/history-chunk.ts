import { CHEAP_CAPACITY } from './buckets.ts';
import { ByteReader, ByteWriter } from './byte-writer.ts';
import { type Doubt, mergeDoubts, readDoubts, writeDoubts } from './doubt.ts';

/**
 * Counted readings of one key over one day, in order of time: what it takes to recognise a reading that comes again,
 * and to put one that comes late between its neighbours. One content has one form.
 */
export interface HistoryRows {
  /** How many values a row keeps: of counters, and of what tells the boots of their devices. */
  counters: number;
  n: number;
  times: Float64Array;
  /** Tells readings of equal time apart; 0 where key and time are the id. */
  ids: Uint32Array;
  /** 16 bits of hash over the content. */
  contents: Uint16Array;
  /** Number of the dimensions in the stream's tuples. */
  tuples: Uint32Array;
  /** `values[counter][row]`; NaN where the reading had none, or is no part of the counter's chain. */
  values: Float64Array[];
  /** States of registers after readings of this span, also of such as are no row here but are stored already. */
  doubts: Doubt[];
}

/** Of bytes without doubts, and with. */
const VERSION = 1;
const VERSION_DOUBTS = 2;

export function newHistoryRows(counters: number, capacity: number): HistoryRows {
  // Columns of many rows share one buffer: V8 asks malloc for each larger one, which takes 1 µs. Doubles come first.
  const bytes = capacity * (8 * (1 + counters) + 4 + 4 + 2);
  const shared = capacity > CHEAP_CAPACITY ? new ArrayBuffer(bytes) : null;
  const doubles = (at: number) =>
    shared === null ? new Float64Array(capacity) : new Float64Array(shared, 8 * capacity * at, capacity);
  const after = 8 * capacity * (1 + counters);
  const words = (at: number) =>
    shared === null
      ? new Uint32Array(capacity)
      : new Uint32Array(shared, after + 4 * capacity * at, capacity);
  return {
    counters,
    n: 0,
    times: doubles(0),
    ids: words(0),
    contents:
      shared === null ? new Uint16Array(capacity) : new Uint16Array(shared, after + 8 * capacity, capacity),
    tuples: words(1),
    values: Array.from({ length: counters }, (_, counter) => doubles(1 + counter)),
    doubts: [],
  };
}

const writer = new ByteWriter();

/** The rows from one place to another, all of them when not told, and doubts in the order that `mergeDoubts` gives. */
export function encodeHistory(
  rows: HistoryRows,
  from = 0,
  to = rows.n,
  doubts: Doubt[] = rows.doubts,
): Uint8Array {
  writer.reset();
  writer.byte(doubts.length === 0 ? VERSION : VERSION_DOUBTS);
  writer.byte(rows.counters);
  writer.unsigned(to - from);
  let time = 0;
  for (let row = from; row < to; row++) {
    writer.signed(rows.times[row] - time);
    time = rows.times[row];
  }
  for (let row = from; row < to; row++) {
    writer.byte(rows.contents[row] & 0xff);
    writer.byte(rows.contents[row] >> 8);
  }
  writeRuns(rows.ids, from, to);
  writeRuns(rows.tuples, from, to);
  for (let counter = 0; counter < rows.counters; counter++) writeValues(rows.values[counter], from, to);
  if (doubts.length > 0) writeDoubts(writer, doubts);
  return writer.take();
}

/** One value for all where there is only one: keys seldom change their dimensions within a day. */
function writeRuns(values: Uint32Array, from: number, to: number): void {
  let same = true;
  for (let row = from + 1; row < to; row++) if (values[row] !== values[from]) same = false;
  writer.byte(same ? 1 : 0);
  const end = same ? Math.min(to, from + 1) : to;
  for (let row = from; row < end; row++) writer.unsigned(values[row]);
}

function writeValues(values: Float64Array, from: number, to: number): void {
  let holes = false;
  for (let row = from; row < to; row++) if (Number.isNaN(values[row])) holes = true;
  writer.byte(holes ? 1 : 0);
  let before = 0;
  for (let row = from; row < to; row++) {
    const value = values[row];
    if (holes) writer.byte(Number.isNaN(value) ? 0 : 1);
    if (Number.isNaN(value)) continue;
    writer.signed(value - before);
    before = value;
  }
}

export function decodeHistory(bytes: Uint8Array): HistoryRows {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== VERSION && version !== VERSION_DOUBTS)
    throw new Error(`history of version ${version}, not ${VERSION} or ${VERSION_DOUBTS}`);
  const counters = reader.byte();
  const n = reader.count(reader.left);
  const rows = newHistoryRows(counters, n);
  rows.n = n;
  let time = 0;
  for (let row = 0; row < n; row++) {
    time += reader.signed();
    rows.times[row] = time;
  }
  for (let row = 0; row < n; row++) rows.contents[row] = reader.byte() | (reader.byte() << 8);
  readRuns(reader, rows.ids);
  readRuns(reader, rows.tuples);
  for (const values of rows.values) readValues(reader, values);
  if (version === VERSION_DOUBTS) rows.doubts = readDoubts(reader);
  return rows;
}

function readRuns(reader: ByteReader, values: Uint32Array): void {
  if (reader.byte() === 1) values.fill(values.length > 0 ? reader.unsigned() : 0);
  else for (let row = 0; row < values.length; row++) values[row] = reader.unsigned();
}

function readValues(reader: ByteReader, values: Float64Array): void {
  const holes = reader.byte() === 1;
  let before = 0;
  for (let row = 0; row < values.length; row++) {
    if (holes && reader.byte() === 0) values[row] = Number.NaN;
    else {
      before += reader.signed();
      values[row] = before;
    }
  }
}

export function copyHistoryRow(into: HistoryRows, from: HistoryRows, row: number): void {
  const at = into.n++;
  into.times[at] = from.times[row];
  into.ids[at] = from.ids[row];
  into.contents[at] = from.contents[row];
  into.tuples[at] = from.tuples[row];
  for (let counter = 0; counter < into.counters; counter++)
    into.values[counter][at] = from.values[counter][row];
}

/** In one order whatever came first: by time, id and content. No two rows are equal in all three. */
function compareRows(a: HistoryRows, atA: number, b: HistoryRows, atB: number): number {
  return a.times[atA] - b.times[atB] || a.ids[atA] - b.ids[atB] || a.contents[atA] - b.contents[atB];
}

function mergeTwo(a: HistoryRows, b: HistoryRows): HistoryRows {
  if (a.counters !== b.counters) throw new Error('histories of different layouts cannot be merged');
  const merged = newHistoryRows(a.counters, a.n + b.n);
  let atA = 0;
  let atB = 0;
  while (atA < a.n || atB < b.n) {
    if (atB >= b.n || (atA < a.n && compareRows(a, atA, b, atB) <= 0)) copyHistoryRow(merged, a, atA++);
    else copyHistoryRow(merged, b, atB++);
  }
  if (a.doubts.length + b.doubts.length > 0) merged.doubts = mergeDoubts([...a.doubts, ...b.doubts]);
  return merged;
}

export function mergeHistory(values: Uint8Array[]): Uint8Array {
  return values.length === 1 ? values[0] : encodeHistory(mergedHistory(values));
}

export function mergedHistory(values: Uint8Array[]): HistoryRows {
  return values.map(decodeHistory).reduce(mergeTwo);
}
