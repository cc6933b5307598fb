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
  /** How many texts there are, not all of which need be in use. */
  entries: number;
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
 * The sections of the shards that are wanted. The arrays of all of them lie over one buffer of exactly their size: a
 * record has 24 sections of ten arrays, and each allocation of its own would cost as much as decoding a few readings.
 */
export function cutSections(rows: Rows, cut: Cut, wanted?: (shard: number) => boolean): Section[] {
  const order = orderOf(rows, cut);
  const parts = cut.shards.map((shard, part) =>
    partOf(rows, order, part, wanted === undefined || wanted(shard)),
  );
  const buffer = new SectionBuffer(rows, parts);
  const numbers = rows.columns.map((column) =>
    column.text === null ? null : new TextNumbers(column.entries),
  );
  const sections: Section[] = [];
  for (let part = 0; part < parts.length; part++) {
    const { rows: own, keys, keyLength } = parts[part];
    if (own.length === 0) continue;
    const section = buffer.section(rows, cut.shards[part], own.length, keys.length, keyLength);
    fillKeys(section, rows, keys);
    fillRows(section, rows, own, order.local);
    for (let at = 0; at < numbers.length; at++) {
      const column = section.columns[at];
      if (column.kind === 'text') numbers[at]!.fill(column, rows.columns[at], own);
    }
    sections.push(section);
  }
  return sections;
}

interface Part {
  rows: Uint32Array;
  keys: Uint32Array;
  keyLength: number;
}

const NOTHING: Part = { rows: new Uint32Array(0), keys: new Uint32Array(0), keyLength: 0 };

function partOf(rows: Rows, order: Order, part: number, isWanted: boolean): Part {
  const rowsFrom = startOf(order.rowEnds, part);
  const keysFrom = startOf(order.keyEnds, part);
  if (!isWanted || order.rowEnds[part] === rowsFrom) return NOTHING;
  const keys = order.keys.subarray(keysFrom, order.keyEnds[part]);
  let keyLength = 0;
  for (let at = 0; at < keys.length; at++)
    keyLength += rows.keyEnds[keys[at]] - startOf(rows.keyEnds, keys[at]);
  return { rows: order.rows.subarray(rowsFrom, order.rowEnds[part]), keys, keyLength };
}

/** One buffer for the arrays of all sections: doubles first, which need an offset that eight divides, bytes last. */
class SectionBuffer {
  readonly #buffer: ArrayBuffer;
  #wide = 0;
  #narrow: number;
  #bytes: number;

  constructor(rows: Rows, parts: Part[]) {
    let texts = 0;
    for (const column of rows.columns) if (column.text !== null) texts++;
    let rowCount = 0;
    let keyCount = 0;
    let keyLength = 0;
    for (const part of parts) {
      rowCount += part.rows.length;
      keyCount += part.keys.length;
      keyLength += part.keyLength;
    }
    this.#narrow = rowCount * (1 + rows.columns.length - texts) * 8;
    this.#bytes = this.#narrow + (rowCount * (1 + texts) + keyCount * 2) * 4;
    this.#buffer = new ArrayBuffer(this.#bytes + keyLength);
  }

  section(rows: Rows, shard: number, count: number, keys: number, keyLength: number): Section {
    const columns: Column[] = [];
    for (const column of rows.columns) {
      if (column.text === null) columns.push({ kind: 'number', values: this.#doubles(count) });
      else columns.push({ kind: 'text', dictionary: [], index: this.#integers(count) });
    }
    const from = this.#bytes;
    this.#bytes += keyLength;
    return {
      shard,
      layout: rows.layout,
      rows: count,
      times: this.#doubles(count),
      keyIndex: this.#integers(count),
      keyBytes: new Uint8Array(this.#buffer, from, keyLength),
      keyEnds: this.#integers(keys),
      keyHashes: this.#integers(keys),
      columns,
    };
  }

  #doubles(length: number): Float64Array {
    const from = this.#wide;
    this.#wide += length * 8;
    return new Float64Array(this.#buffer, from, length);
  }

  #integers(length: number): Uint32Array {
    const from = this.#narrow;
    this.#narrow += length * 4;
    return new Uint32Array(this.#buffer, from, length);
  }
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
  readonly #local: Uint32Array;
  readonly #stamp: Uint32Array;
  #section = 0;

  constructor(entries: number) {
    this.#local = new Uint32Array(entries + 1);
    this.#stamp = new Uint32Array(entries + 1);
  }

  /** HOT */
  fill(column: { dictionary: string[]; index: Uint32Array }, source: RowsColumn, order: Uint32Array): void {
    const { dictionary, index } = column;
    const section = ++this.#section;
    for (let at = 0; at < order.length; at++) {
      const entry = source.values[order[at]];
      if (entry === 0) continue;
      if (this.#stamp[entry] !== section) {
        this.#stamp[entry] = section;
        this.#local[entry] = dictionary.push(source.text!(entry - 1));
      }
      index[at] = this.#local[entry];
    }
  }
}
