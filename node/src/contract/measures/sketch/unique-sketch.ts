import { ByteReader, ByteWriter } from '../byte-writer.ts';
import type { SketchAccount } from './sketch-account.ts';
import { HASH_LIMIT, highBits } from './stable-hash.ts';

/**
 * How many different values there were: the hashes themselves up to `LISTED_MAX` of them, which is exact but for hashes
 * that are equal by accident; beyond, HyperLogLog with 4,096 registers, whose standard error is 1.04/√4096 = 1.6 %. Which of the two it
 * is, is decided by the set of values alone, so the bytes are the same in whatever order they came.
 */
const VERSION = 1;
const LISTED = 0;
const REGISTERS = 1;

export const LISTED_MAX = 512;
const REGISTER_BITS = 12;
const REGISTER_COUNT = 1 << REGISTER_BITS;
/** Of a hash's 40 bits, those that are looked at for leading zeros. */
const REST_BITS = 28;
/** Registers are at most 29 and take five bits. */
const PACKED_BYTES = (REGISTER_COUNT * 5) / 8;

/** The standard error past `LISTED_MAX`: two counts of three are no further off, of a hundred all but five within twice as much. */
export const UNIQUE_ERROR = 1.04 / Math.sqrt(REGISTER_COUNT);

/** The values of one slot since the last checkpoint: 64 bytes for a few of them, 8 kB at the most. */
export class UniqueSketch {
  readonly #account: SketchAccount;
  /** Hash + 1 in an open-addressing table, 0 where free. */
  #table = new Float64Array(8);
  #n = 0;
  #registers: Uint8Array | null = null;

  constructor(account: SketchAccount) {
    this.#account = account;
    account.bytes += this.#table.byteLength;
  }

  /** HOT */
  add(hash: number): void {
    if (this.#registers !== null) {
      raise(this.#registers, hash);
      return;
    }
    const table = this.#table;
    const mask = table.length - 1;
    let at = (hash % 65536) & mask;
    while (table[at] !== 0) {
      if (table[at] === hash + 1) return;
      at = (at + 1) & mask;
    }
    table[at] = hash + 1;
    this.#n++;
    if (this.#n * 2 > table.length) this.#grow();
  }

  #grow(): void {
    const before = this.#table;
    this.#account.bytes -= before.byteLength;
    if (this.#n > LISTED_MAX) {
      this.#registers = new Uint8Array(REGISTER_COUNT);
      this.#table = new Float64Array(0);
      this.#account.bytes += REGISTER_COUNT;
      for (const entry of before) if (entry !== 0) raise(this.#registers, entry - 1);
      return;
    }
    this.#table = new Float64Array(before.length * 2);
    this.#account.bytes += this.#table.byteLength;
    this.#n = 0;
    for (const entry of before) if (entry !== 0) this.add(entry - 1);
  }

  encode(): Uint8Array {
    if (this.#registers !== null) return writeRegisters(this.#registers);
    const listed = this.#table.filter((entry) => entry !== 0).sort();
    return writeListed(listed.map((entry) => entry - 1));
  }
}

/** HOT */
function raise(registers: Uint8Array, hash: number): void {
  const high = highBits(hash);
  const register = high >>> (32 - REGISTER_BITS);
  const rest = ((high & 0xfffff) << 8) | (hash % 256);
  const zeros = Math.clz32(rest) - (32 - REST_BITS) + 1;
  if (zeros > registers[register]) registers[register] = zeros;
}

const writer = new ByteWriter();

/** Ascending. */
function writeListed(hashes: Float64Array): Uint8Array {
  writer.reset();
  writer.byte(VERSION);
  writer.byte(LISTED);
  let before = -1;
  for (const hash of hashes) {
    writer.unsigned(hash - before - 1);
    before = hash;
  }
  return writer.take();
}

/** Five bits a register, low bits first. */
function writeRegisters(registers: Uint8Array): Uint8Array {
  writer.reset();
  writer.byte(VERSION);
  writer.byte(REGISTERS);
  let bits = 0;
  let held = 0;
  for (const register of registers) {
    bits |= register << held;
    held += 5;
    for (; held >= 8; held -= 8) {
      writer.byte(bits & 0xff);
      bits >>>= 8;
    }
  }
  return writer.take();
}

/** The listed hashes, or the registers. */
function read(bytes: Uint8Array): { hashes: Float64Array | null; registers: Uint8Array } {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== VERSION)
    throw new Error(`sketch of different values of version ${version}, not ${VERSION}`);
  const registers = new Uint8Array(REGISTER_COUNT);
  if (reader.byte() === REGISTERS) {
    const packed = reader.bytes(PACKED_BYTES);
    for (let at = 0, bit = 0; at < REGISTER_COUNT; at++, bit += 5) {
      const word = packed[bit >> 3] | ((packed[(bit >> 3) + 1] ?? 0) << 8);
      registers[at] = (word >> (bit & 7)) & 31;
    }
    return { hashes: null, registers };
  }
  const hashes: number[] = [];
  for (let hash = -1; !reader.done; ) {
    hash += reader.unsigned() + 1;
    if (hash >= HASH_LIMIT) throw new Error('sketch of different values with a hash past its bound');
    hashes.push(hash);
  }
  return { hashes: Float64Array.from(hashes), registers };
}

export function mergeUniques(one: Uint8Array, other: Uint8Array): Uint8Array {
  const a = read(one);
  const b = read(other);
  if (a.hashes !== null && b.hashes !== null) {
    const all = union(a.hashes, b.hashes);
    if (all.length <= LISTED_MAX) return writeListed(all);
  }
  const registers = a.registers;
  for (let at = 0; at < REGISTER_COUNT; at++)
    if (b.registers[at] > registers[at]) registers[at] = b.registers[at];
  for (const hash of a.hashes ?? []) raise(registers, hash);
  for (const hash of b.hashes ?? []) raise(registers, hash);
  return writeRegisters(registers);
}

function union(a: Float64Array, b: Float64Array): Float64Array {
  const all = new Float64Array(a.length + b.length);
  let n = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length; n++) {
    const next = Math.min(a[i] ?? HASH_LIMIT, b[j] ?? HASH_LIMIT);
    all[n] = next;
    if (a[i] === next) i++;
    if (b[j] === next) j++;
  }
  return all.subarray(0, n);
}

export function uniquesOf(bytes: Uint8Array): number {
  const { hashes, registers } = read(bytes);
  return hashes === null ? Math.round(estimate(registers)) : hashes.length;
}

/** Ertl's estimator: one formula from few values to many, without tables of corrections. */
function estimate(registers: Uint8Array): number {
  const q = REST_BITS;
  const histogram = new Float64Array(q + 2);
  for (const register of registers) histogram[register]++;
  let sum = REGISTER_COUNT * tau(1 - histogram[q + 1] / REGISTER_COUNT);
  for (let k = q; k >= 1; k--) sum = 0.5 * (sum + histogram[k]);
  sum += REGISTER_COUNT * sigma(histogram[0] / REGISTER_COUNT);
  return (REGISTER_COUNT * REGISTER_COUNT) / (2 * Math.LN2 * sum);
}

function sigma(start: number): number {
  if (start === 1) return Number.POSITIVE_INFINITY;
  let x = start;
  let y = 1;
  let z = x;
  for (let before = -1; z !== before; ) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(start: number): number {
  if (start === 0 || start === 1) return 0;
  let x = start;
  let y = 1;
  let z = 1 - x;
  for (let before = -1; z !== before; ) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}
