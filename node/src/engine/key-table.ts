import { PAGE_BITS, PAGE_MASK, RecordPages } from './record-pages.ts';

/** Words of a key's record. Seconds instead of milliseconds where only a safe side is needed: memory is by the million. */
const HASH = 0;
const NAME = 1;
export const KEY_TUPLE = 2;
/** Whole seconds, rounded down, of the oldest counted reading. */
export const KEY_OLDEST_S = 3;
/** Whole seconds, rounded up, of the newest reading that is in the store; 0 when there is none. */
export const KEY_STORED_S = 4;
const WORDS = 5;
/** Doubles: the newest counted time, then time and value of the last reading of each counter. */
export const KEY_NEWEST = 0;
export const KEY_COUNTERS = 1;

const ARENA_BITS = 16;
const ARENA_BYTES = 1 << ARENA_BITS;

/**
 * The keys of one stream in one shard, numbered from 0 as they come: open addressing over the bytes of their names.
 * Holds a record a key for as long as the engine lives; memory is stated by `memoryBytes`.
 */
export class KeyTable {
  readonly records: RecordPages;
  readonly counters: number;
  readonly #doubles: number;
  readonly #arena: Uint8Array[] = [];
  #arenaAt = ARENA_BYTES;
  /** Key + 1, 0 where free. */
  #index = new Uint32Array(256);
  #mask = 255;

  /** `more` doubles a key stand after those of the counters; they are NaN until they are set. */
  constructor(counters: number, more = 0) {
    this.counters = counters;
    this.#doubles = 2 * counters + more;
    this.records = new RecordPages(WORDS, KEY_COUNTERS + this.#doubles);
  }

  get count(): number {
    return this.records.count - 1;
  }

  get memoryBytes(): number {
    return this.records.memoryBytes + this.#index.byteLength + this.#arena.length * ARENA_BYTES;
  }

  /** Number of the key, or −1. */
  find(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const index = this.#index;
    for (let at = hash & this.#mask; index[at] !== 0; at = (at + 1) & this.#mask) {
      const key = index[at] - 1;
      if (this.hash(key) === hash && this.#equals(key, bytes, from, to)) return key;
    }
    return -1;
  }

  /** A key that `find` does not know; its times are NaN until it has a reading. */
  add(bytes: Uint8Array, from: number, to: number, hash: number): number {
    if (this.records.count * 2 > this.#index.length) this.#rehash();
    const key = this.records.add() - 1;
    const record = key + 1;
    const words = this.records.words[record >> PAGE_BITS];
    const base = (record & PAGE_MASK) * this.records.wordStride;
    words[base + HASH] = hash;
    words[base + NAME] = this.#store(bytes, from, to);
    const doubles = this.records.doubles[record >> PAGE_BITS];
    const first = (record & PAGE_MASK) * this.records.doubleStride + this.records.doubleAt;
    doubles[first + KEY_NEWEST] = Number.NEGATIVE_INFINITY;
    doubles.fill(Number.NaN, first + KEY_COUNTERS, first + KEY_COUNTERS + this.#doubles);
    this.#place(record, hash);
    return key;
  }

  hash(key: number): number {
    const record = key + 1;
    return this.records.words[record >> PAGE_BITS][(record & PAGE_MASK) * this.records.wordStride + HASH];
  }

  word(key: number, word: number): number {
    const record = key + 1;
    return this.records.words[record >> PAGE_BITS][(record & PAGE_MASK) * this.records.wordStride + word];
  }

  setWord(key: number, word: number, value: number): void {
    const record = key + 1;
    this.records.words[record >> PAGE_BITS][(record & PAGE_MASK) * this.records.wordStride + word] = value;
  }

  /** Place in `records.doubles[page]` of a double of the key's; the page is `(key + 1) >> PAGE_BITS`. */
  doubleAt(key: number, double: number): number {
    const record = key + 1;
    return (record & PAGE_MASK) * this.records.doubleStride + this.records.doubleAt + double;
  }

  double(key: number, double: number): number {
    return this.records.doubles[(key + 1) >> PAGE_BITS][this.doubleAt(key, double)];
  }

  setDouble(key: number, double: number, value: number): void {
    this.records.doubles[(key + 1) >> PAGE_BITS][this.doubleAt(key, double)] = value;
  }

  /** The bytes of the key's name; they stay where they are. */
  name(key: number): Uint8Array {
    const at = this.word(key, NAME);
    const arena = this.#arena[at >>> ARENA_BITS];
    const start = (at & (ARENA_BYTES - 1)) + 2;
    return arena.subarray(start, start + ((arena[start - 2] << 8) | arena[start - 1]));
  }

  /** Key of the entries of `[key]` in the store: hash, length plus one, name. */
  entry(key: number): Uint8Array {
    const at = this.word(key, NAME);
    const arena = this.#arena[at >>> ARENA_BITS];
    const start = (at & (ARENA_BYTES - 1)) + 2;
    const length = (arena[start - 2] << 8) | arena[start - 1];
    const entry = new Uint8Array(6 + length);
    const hash = this.hash(key);
    entry[0] = hash >>> 24;
    entry[1] = hash >>> 16;
    entry[2] = hash >>> 8;
    entry[3] = hash;
    entry[4] = (length + 1) >> 8;
    entry[5] = length + 1;
    for (let more = 0; more < length; more++) entry[6 + more] = arena[start + more];
    return entry;
  }

  #equals(key: number, bytes: Uint8Array, from: number, to: number): boolean {
    const at = this.word(key, NAME);
    const arena = this.#arena[at >>> ARENA_BITS];
    const start = (at & (ARENA_BYTES - 1)) + 2;
    const length = to - from;
    if (((arena[start - 2] << 8) | arena[start - 1]) !== length) return false;
    for (let more = 0; more < length; more++) if (arena[start + more] !== bytes[from + more]) return false;
    return true;
  }

  #store(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from;
    if (this.#arenaAt + length + 2 > ARENA_BYTES) {
      this.#arena.push(new Uint8Array(ARENA_BYTES));
      this.#arenaAt = 0;
    }
    const arena = this.#arena[this.#arena.length - 1];
    const at = this.#arenaAt;
    arena[at] = length >> 8;
    arena[at + 1] = length;
    for (let more = 0; more < length; more++) arena[at + 2 + more] = bytes[from + more];
    this.#arenaAt += length + 2;
    return (((this.#arena.length - 1) << ARENA_BITS) | at) >>> 0;
  }

  #place(record: number, hash: number): void {
    let at = hash & this.#mask;
    while (this.#index[at] !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = record;
  }

  #rehash(): void {
    this.#index = new Uint32Array(this.#index.length * 2);
    this.#mask = this.#index.length - 1;
    for (let record = 1; record < this.records.count; record++) this.#place(record, this.hash(record - 1));
  }
}
