import { LIMITS } from '../limits.ts';
import type { Column, Section } from './section.ts';
import { shardOfHash } from './shard-of.ts';

/** Readings of one layout in one order, with dictionaries over all of them. */
export interface Rows {
  layout: number;
  rows: number;
  times: Float64Array;
  keyIds: Uint32Array;
  keyBytes: Uint8Array;
  keyEnds: Uint32Array;
  keyHashes: Uint32Array;
  keys: number;
  columns: RowsColumn[];
}

export interface RowsColumn {
  /** As in a `NumberColumn`, or for text 1 + the entry of its texts. */
  values: Float64Array;
  /** The texts by entry; null for a number. */
  text: ((entry: number) => string) | null;
}

/** Which rows make which section: those of section i are `order[ends[i-1] .. ends[i]]`. */
export interface Cut {
  shards: number[];
  order: Uint32Array;
  ends: number[];
  /** The order is that of arrival, so that the record can be written in it. */
  arrival: boolean;
}

/** Rows by the shard of their key, stable, so that each shard keeps the order of arrival. */
export function cutByShard(rows: Rows): Cut {
  const shardOfKey = new Uint8Array(rows.keys);
  for (let key = 0; key < rows.keys; key++) shardOfKey[key] = shardOfHash(rows.keyHashes[key]);
  const next = new Uint32Array(LIMITS.shards + 1);
  for (let row = 0; row < rows.rows; row++) next[shardOfKey[rows.keyIds[row]] + 1]++;
  const shards: number[] = [];
  const ends: number[] = [];
  for (let shard = 0; shard < LIMITS.shards; shard++) {
    const own = next[shard + 1];
    next[shard + 1] += next[shard];
    if (own === 0) continue;
    shards.push(shard);
    ends.push(next[shard + 1]);
  }
  const order = new Uint32Array(rows.rows);
  for (let row = 0; row < rows.rows; row++) order[next[shardOfKey[rows.keyIds[row]]]++] = row;
  return { shards, order, ends, arrival: true };
}

/** Numbers that a dictionary's entries get inside one section, in the order in which the section meets them. */
class LocalNumbers {
  /** `base + number` of an entry that this section has met; anything below `base` is an earlier section's. */
  readonly met: Float64Array;
  base = 1;
  count = 0;
  readonly entries: Uint32Array;

  constructor(size: number) {
    this.met = new Float64Array(size);
    this.entries = new Uint32Array(size);
  }

  restart(): void {
    this.base += this.count;
    this.count = 0;
  }

  /** HOT */
  of(entry: number): number {
    const met = this.met[entry];
    if (met >= this.base) return met - this.base;
    const number = this.count++;
    this.met[entry] = this.base + number;
    this.entries[number] = entry;
    return number;
  }
}

/** The sections of the shards that are wanted, each with arrays of exactly its size over one buffer of its own. */
export function cutSections(rows: Rows, cut: Cut, wanted?: (shard: number) => boolean): Section[] {
  const sections: Section[] = [];
  const keyNumbers = new LocalNumbers(rows.keys);
  const texts = new Map<RowsColumn, TextNumbers>();
  for (let part = 0, from = 0; part < cut.shards.length; from = cut.ends[part++]) {
    const shard = cut.shards[part];
    if (wanted !== undefined && !wanted(shard)) continue;
    sections.push(cutSection(rows, cut, shard, from, cut.ends[part], keyNumbers, texts));
  }
  return sections;
}

interface TextNumbers {
  /** 1 + the number in the section by entry, valid when `stamp` is the section's. */
  local: Uint32Array;
  stamp: Uint32Array;
  section: number;
}

function cutSection(
  rows: Rows,
  cut: Cut,
  shard: number,
  from: number,
  to: number,
  keyNumbers: LocalNumbers,
  texts: Map<RowsColumn, TextNumbers>,
): Section {
  const count = to - from;
  const { order } = cut;
  keyNumbers.restart();
  const keyIndex = new Uint32Array(count);
  for (let at = 0; at < count; at++) keyIndex[at] = keyNumbers.of(rows.keyIds[order[from + at]]);
  const times = gathered(rows.times, order, from, to);
  const columns: Column[] = [];
  for (const column of rows.columns) {
    if (column.text === null)
      columns.push({ kind: 'number', values: gathered(column.values, order, from, to) });
    else columns.push(gatheredText(column, column.text, order, from, to, texts));
  }
  const section: Section = {
    shard,
    layout: rows.layout,
    rows: count,
    times,
    keyIndex,
    ...gatheredKeys(rows, keyNumbers),
    columns,
  };
  if (cut.arrival) section.arrival = order.slice(from, to);
  return section;
}

function gathered(values: Float64Array, order: Uint32Array, from: number, to: number): Float64Array {
  const own = new Float64Array(to - from);
  for (let at = from; at < to; at++) own[at - from] = values[order[at]];
  return own;
}

function gatheredKeys(
  rows: Rows,
  numbers: LocalNumbers,
): Pick<Section, 'keyBytes' | 'keyEnds' | 'keyHashes'> {
  const { count, entries } = numbers;
  const keyEnds = new Uint32Array(count);
  const keyHashes = new Uint32Array(count);
  let length = 0;
  for (let key = 0; key < count; key++) {
    const entry = entries[key];
    length += rows.keyEnds[entry] - (entry === 0 ? 0 : rows.keyEnds[entry - 1]);
    keyEnds[key] = length;
    keyHashes[key] = rows.keyHashes[entry];
  }
  const keyBytes = new Uint8Array(length);
  for (let key = 0, own = 0; key < count; key++) {
    const entry = entries[key];
    const end = rows.keyEnds[entry];
    // A loop, since a key is too short for the call of `set` to pay.
    for (let at = entry === 0 ? 0 : rows.keyEnds[entry - 1]; at < end; at++)
      keyBytes[own++] = rows.keyBytes[at];
  }
  return { keyBytes, keyEnds, keyHashes };
}

function gatheredText(
  column: RowsColumn,
  text: (entry: number) => string,
  order: Uint32Array,
  from: number,
  to: number,
  texts: Map<RowsColumn, TextNumbers>,
): Column {
  let numbers = texts.get(column);
  if (numbers === undefined) {
    numbers = { local: new Uint32Array(64), stamp: new Uint32Array(64), section: 0 };
    texts.set(column, numbers);
  }
  numbers.section++;
  const index = new Uint32Array(to - from);
  const dictionary: string[] = [];
  for (let at = from; at < to; at++) {
    const entry = column.values[order[at]];
    if (entry === 0) continue;
    if (entry >= numbers.local.length) widen(numbers, entry);
    if (numbers.stamp[entry] !== numbers.section) {
      numbers.stamp[entry] = numbers.section;
      numbers.local[entry] = dictionary.push(text(entry - 1));
    }
    index[at - from] = numbers.local[entry];
  }
  return { kind: 'text', dictionary, index };
}

function widen(numbers: TextNumbers, entry: number): void {
  const size = 2 ** Math.ceil(Math.log2(entry + 1));
  for (const name of ['local', 'stamp'] as const) {
    const wider = new Uint32Array(size);
    wider.set(numbers[name]);
    numbers[name] = wider;
  }
}
