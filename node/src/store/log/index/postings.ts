/**
 * Bits of a key's hash that are kept. Two keys in a run of 262,144 share them once in 64 look-ups, which costs a look
 * into a record for nothing; eight bits more would cost each reading of a rare key 1.4 bytes of flash.
 */
export const HASH_BITS = 24;

/**
 * Pairs of a key's hash and the record it occurs in, in the order of the records. It holds `capacity` pairs in two
 * arrays, and as much again while they are sorted; that is its bound.
 */
export class Postings {
  readonly capacity: number;
  #hashes: Uint32Array;
  #records: Uint32Array;
  #count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#hashes = new Uint32Array(capacity);
    this.#records = new Uint32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  // HOT
  add(keyHashes: Uint32Array, salt: number, record: number): void {
    if (this.#count + keyHashes.length > this.#hashes.length) this.#grow(keyHashes.length);
    for (let at = 0; at < keyHashes.length; at++) {
      this.#hashes[this.#count] = (keyHashes[at] ^ salt) >>> (32 - HASH_BITS);
      this.#records[this.#count++] = record;
    }
  }

  /** Records of one hash, ascending, each once. */
  // HOT
  recordsOf(hash: number): number[] {
    const found: number[] = [];
    for (let at = 0; at < this.#count; at++) {
      if (this.#hashes[at] !== hash || found[found.length - 1] === this.#records[at]) continue;
      found.push(this.#records[at]);
    }
    return found;
  }

  /**
   * By hash; pairs of one hash keep their order, since a radix sort does not change it. 262,144 pairs take about
   * 3 ms, an eighth of what sorting them as numbers takes.
   */
  sorted(): { hashes: Uint32Array; records: Uint32Array } {
    let from = { hashes: this.#hashes.slice(0, this.#count), records: this.#records.slice(0, this.#count) };
    let to = { hashes: new Uint32Array(this.#count), records: new Uint32Array(this.#count) };
    for (let shift = 0; shift < HASH_BITS; shift += RADIX_BITS) {
      scatter(from.hashes, from.records, to.hashes, to.records, shift);
      [from, to] = [to, from];
    }
    return from;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Only a record with more keys than a record may have gets here. */
  #grow(by: number): void {
    const size = this.#count + by;
    const hashes = new Uint32Array(size);
    const records = new Uint32Array(size);
    hashes.set(this.#hashes);
    records.set(this.#records);
    this.#hashes = hashes;
    this.#records = records;
  }
}

const RADIX_BITS = 12;
const RADIX = 1 << RADIX_BITS;

// HOT
function scatter(
  hashes: Uint32Array,
  records: Uint32Array,
  toHashes: Uint32Array,
  toRecords: Uint32Array,
  shift: number,
): void {
  const starts = new Uint32Array(RADIX);
  for (let at = 0; at < hashes.length; at++) starts[(hashes[at] >>> shift) & (RADIX - 1)]++;
  let sum = 0;
  for (let digit = 0; digit < RADIX; digit++) {
    const count = starts[digit];
    starts[digit] = sum;
    sum += count;
  }
  for (let at = 0; at < hashes.length; at++) {
    const place = starts[(hashes[at] >>> shift) & (RADIX - 1)]++;
    toHashes[place] = hashes[at];
    toRecords[place] = records[at];
  }
}
