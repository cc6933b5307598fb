import { LIMITS } from '../limits.ts';
import type { Column, Section } from './section.ts';
import { shardOfHash } from './shard-of.ts';

/** Readings of one layout in one order, with dictionaries over all of them. Arrays may be longer than `rows`. */
export interface Rows {
  layout: number;
  rows: number;
  times: Float64Array;
  keyIds: Uint32Array;
  keys: number;
  keyBytes: Uint8Array;
  keyEnds: Uint32Array;
  keyHashes: Uint32Array;
  columns: RowsColumn[];
}

export interface RowsColumn {
  /** As in a `NumberColumn`, or for text 1 + the entry of its texts. */
  values: Float64Array;
  /** The texts by entry; null for a number. */
  text: ((entry: number) => string) | null;
}

/** Which section each row goes to, given by its key: no key has rows in two sections. */
export interface Cut {
  /** The shard of each part; a part without rows gives no section. */
  shards: number[];
  partOfKey: Uint16Array;
}

const EVERY_SHARD = Array.from({ length: LIMITS.shards }, (_, shard) => shard);

export function cutByShard(rows: Rows): Cut {
  const partOfKey = new Uint16Array(rows.keys);
  for (let key = 0; key < rows.keys; key++) partOfKey[key] = shardOfHash(rows.keyHashes[key]);
  return { shards: EVERY_SHARD, partOfKey };
}

/** Rows and keys in the order of their parts, each part in the order in which they stood. */
interface Order {
  rows: Uint32Array;
  rowEnds: Uint32Array;
  keys: Uint32Array;
  keyEnds: Uint32Array;
  /** Key → its number in its part. */
  local: Uint32Array;
}

/** HOT */
function orderOf(rows: Rows, cut: Cut): Order {
  const { keyIds, rows: count, keys: keyCount } = rows;
  const { partOfKey } = cut;
  const parts = cut.shards.length;
  const rowEnds = new Uint32Array(parts + 1);
  const keyEnds = new Uint32Array(parts + 1);
  for (let row = 0; row < count; row++) rowEnds[partOfKey[keyIds[row]] + 1]++;
  for (let key = 0; key < keyCount; key++) keyEnds[partOfKey[key] + 1]++;
  for (let part = 0; part < parts; part++) {
    rowEnds[part + 1] += rowEnds[part];
    keyEnds[part + 1] += keyEnds[part];
  }
  const local = new Uint32Array(keyCount);
  const keyOrder = new Uint32Array(keyCount);
  const keyStarts = keyEnds.slice();
  for (let key = 0; key < keyCount; key++) {
    const part = partOfKey[key];
    local[key] = keyEnds[part] - keyStarts[part];
    keyOrder[keyEnds[part]++] = key;
  }
  const rowOrder = new Uint32Array(count);
  // Each entry is a start that moves to its part's end, which leaves ends of the parts, one place further down.
  for (let row = 0; row < count; row++) rowOrder[rowEnds[partOfKey[keyIds[row]]]++] = row;
  return { rows: rowOrder, rowEnds, keys: keyOrder, keyEnds, local };
}

/**
 * The sections of the shards that are wanted. All arrays of a section lie over one buffer of exactly its size: a
 * record has 24 sections of ten arrays, and each allocation of its own would cost as much as decoding a few readings.
 */
export function cutSections(
  rows: Rows,
  cut: Cut,
  withArrival: boolean,
  wanted?: (shard: number) => boolean,
): Section[] {
  const order = orderOf(rows, cut);
  const numbers = rows.columns.map((column) => (column.text === null ? null : new TextNumbers()));
  const sections: Section[] = [];
  let rowsFrom = 0;
  let keysFrom = 0;
  for (let part = 0; part < cut.shards.length; part++) {
    const rowsTo = order.rowEnds[part];
    const keysTo = order.keyEnds[part];
    if (rowsTo > rowsFrom && (wanted === undefined || wanted(cut.shards[part]))) {
      const own = order.rows.subarray(rowsFrom, rowsTo);
      const keys = order.keys.subarray(keysFrom, keysTo);
      const section = emptySection(rows, cut.shards[part], own.length, keys, withArrival);
      fillKeys(section, rows, keys);
      fillRows(section, rows, own, order.local);
      for (let at = 0; at < numbers.length; at++) {
        const column = section.columns[at];
        if (column.kind === 'text') numbers[at]!.fill(column, rows.columns[at], own);
      }
      section.arrival?.set(own);
      sections.push(section);
    }
    rowsFrom = rowsTo;
    keysFrom = keysTo;
  }
  return sections;
}

function emptySection(
  rows: Rows,
  shard: number,
  count: number,
  keys: Uint32Array,
  withArrival: boolean,
): Section {
  let keyLength = 0;
  for (let at = 0; at < keys.length; at++)
    keyLength += rows.keyEnds[keys[at]] - startOf(rows.keyEnds, keys[at]);
  const texts = rows.columns.reduce((sum, column) => (column.text === null ? sum : sum + 1), 0);
  const wide = 1 + rows.columns.length - texts;
  const narrow = 1 + texts + (withArrival ? 1 : 0);
  const buffer = new ArrayBuffer(count * (wide * 8 + narrow * 4) + keys.length * 8 + keyLength);
  let at = 0;
  const floats = () => {
    const array = new Float64Array(buffer, at, count);
    at += count * 8;
    return array;
  };
  const integers = (length: number) => {
    const array = new Uint32Array(buffer, at, length);
    at += length * 4;
    return array;
  };
  // Doubles first: they need an offset that eight divides.
  const times = floats();
  const columns = rows.columns.map((column): Column | null =>
    column.text === null ? { kind: 'number', values: floats() } : null,
  );
  const section: Section = {
    shard,
    layout: rows.layout,
    rows: count,
    times,
    keyIndex: integers(count),
    keyEnds: integers(keys.length),
    keyHashes: integers(keys.length),
    columns: columns.map((column) => column ?? { kind: 'text', dictionary: [], index: integers(count) }),
    keyBytes: new Uint8Array(0),
  };
  if (withArrival) section.arrival = integers(count);
  section.keyBytes = new Uint8Array(buffer, at, keyLength);
  return section;
}

function startOf(ends: Uint32Array, entry: number): number {
  return entry === 0 ? 0 : ends[entry - 1];
}

/** HOT */
function fillKeys(section: Section, rows: Rows, keys: Uint32Array): void {
  const { keyBytes, keyEnds, keyHashes } = section;
  const { keyBytes: bytes, keyEnds: ends, keyHashes: hashes } = rows;
  let own = 0;
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at];
    const end = ends[key];
    // A loop, since a key is too short for the call of `set` to pay.
    for (let from = key === 0 ? 0 : ends[key - 1]; from < end; from++) keyBytes[own++] = bytes[from];
    keyEnds[at] = own;
    keyHashes[at] = hashes[key];
  }
}

/** HOT */
function fillRows(section: Section, rows: Rows, order: Uint32Array, local: Uint32Array): void {
  const { keyIndex } = section;
  const { keyIds } = rows;
  for (let at = 0; at < order.length; at++) keyIndex[at] = local[keyIds[order[at]]];
  gather(rows.times, order, section.times);
  for (let field = 0; field < rows.columns.length; field++) {
    const column = section.columns[field];
    if (column.kind === 'number') gather(rows.columns[field].values, order, column.values);
  }
}

/** HOT */
function gather(values: Float64Array, order: Uint32Array, into: Float64Array): void {
  for (let at = 0; at < order.length; at++) into[at] = values[order[at]];
}

/** Numbers the texts of one column anew in each section, in the order in which it meets them. */
class TextNumbers {
  /** 1 + the number in the section, by 1 + the entry; valid where `stamp` is the section's. */
  #local = new Uint32Array(64);
  #stamp = new Uint32Array(64);
  #section = 0;

  /** HOT */
  fill(column: { dictionary: string[]; index: Uint32Array }, source: RowsColumn, order: Uint32Array): void {
    const { dictionary, index } = column;
    const section = ++this.#section;
    for (let at = 0; at < order.length; at++) {
      const entry = source.values[order[at]];
      if (entry === 0) continue;
      if (entry >= this.#local.length) this.#widen(entry);
      if (this.#stamp[entry] !== section) {
        this.#stamp[entry] = section;
        this.#local[entry] = dictionary.push(source.text!(entry - 1));
      }
      index[at] = this.#local[entry];
    }
  }

  #widen(entry: number): void {
    const size = 2 ** (32 - Math.clz32(entry));
    const local = new Uint32Array(size);
    const stamp = new Uint32Array(size);
    local.set(this.#local);
    stamp.set(this.#stamp);
    this.#local = local;
    this.#stamp = stamp;
  }
}
