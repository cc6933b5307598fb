import { ByteReader, ByteWriter } from '../byte-writer.ts';
import type { SketchAccount } from './sketch-account.ts';

/**
 * Quantiles with a relative error: values fall into bins whose width grows with them, and a bin answers with one value
 * for all of its own (DDSketch). Values are scaled integers of at most 2^52, so there are 3,640 bins at the most and none is
 * ever put together with another: the sketch is a function of the values alone, whatever their order.
 *
 * The logarithm that finds a bin is a cubic between two powers of two: multiplications alone, which every processor
 * rounds alike; `Math.log` may differ between two of them, and with it the state of two replicas.
 */
const VERSION = 1;

/** Bins to a power of two. The cubic is flattest at 10/7 of the natural logarithm: γ = e^(0.7 / 35), an error of 0.99997 %. */
const BINS = 35;
const CUBIC = 6 / 35;
const SQUARE = -3 / 5;
const LINEAR = 10 / 7;

/** Bin 0 holds zeros, bins above it what is positive, bins below it what is negative; all are nearer to it than this. */
const BIN_LIMIT = 64 * BINS + 2;

/** At most this far from the value that stands there, in parts of it. */
export const QUANTILE_ERROR = 0.01;

/** Whole numbers below this have a bin for themselves: then the answer is the number itself. */
const EXACT_BELOW = 50;

const INVERSE_POWERS = Float64Array.from({ length: 64 }, (_, exponent) => 2 ** -exponent);

/** HOT */
export function binOf(value: number): number {
  if (value === 0) return 0;
  const size = value < 0 ? -value : value;
  const exponent = size < 4294967296 ? 31 - Math.clz32(size) : 63 - Math.clz32(size / 4294967296);
  const s = size * INVERSE_POWERS[exponent] - 1;
  const bin = Math.floor((((CUBIC * s + SQUARE) * s + LINEAR) * s + exponent) * BINS) + 1;
  return value < 0 ? -bin : bin;
}

/** Bins are kept one by one up to here, then as counts of all between the least and the greatest. */
const FEW = 64;
const STEP = 64;

/** The values of one slot since the last checkpoint: 16 bytes for a few of them, 15 kB at the most. */
export class QuantileSketch {
  readonly #account: SketchAccount;
  #few = new Int16Array(8);
  #n = 0;
  #counts: Uint32Array | null = null;
  #base = 0;

  constructor(account: SketchAccount) {
    this.#account = account;
    account.bytes += this.#few.byteLength;
  }

  /** HOT */
  add(bin: number): void {
    const counts = this.#counts;
    if (counts === null) {
      if (this.#n === this.#few.length) this.#more();
      if (this.#counts === null) this.#few[this.#n++] = bin;
      else this.#count(bin);
      return;
    }
    const at = bin - this.#base;
    if (at >= 0 && at < counts.length) counts[at]++;
    else this.#count(bin);
  }

  #more(): void {
    if (this.#n < FEW) {
      const wider = new Int16Array(this.#n * 2);
      wider.set(this.#few);
      this.#few = wider;
      this.#account.bytes += this.#n * 2;
      return;
    }
    this.#account.bytes -= this.#few.byteLength;
    const few = this.#few;
    this.#few = new Int16Array(0);
    this.#counts = new Uint32Array(0);
    for (const bin of few) this.#count(bin);
  }

  #count(bin: number): void {
    let counts = this.#counts!;
    if (counts.length === 0) this.#base = bin;
    const from = Math.min(this.#base, bin);
    const to = Math.max(this.#base + counts.length, bin + 1);
    if (to - from > counts.length) {
      const base = Math.floor(from / STEP) * STEP;
      const wider = new Uint32Array(Math.ceil((to - base) / STEP) * STEP);
      wider.set(counts, this.#base - base);
      this.#account.bytes += wider.byteLength - counts.byteLength;
      this.#counts = counts = wider;
      this.#base = base;
    }
    counts[bin - this.#base]++;
  }

  encode(): Uint8Array {
    const writer = new BinWriter();
    if (this.#counts !== null) {
      for (let at = 0; at < this.#counts.length; at++)
        if (this.#counts[at] > 0) writer.add(this.#base + at, this.#counts[at]);
      return writer.take();
    }
    const bins = this.#few.subarray(0, this.#n).sort();
    for (let from = 0; from < bins.length; ) {
      let to = from + 1;
      while (to < bins.length && bins[to] === bins[from]) to++;
      writer.add(bins[from], to - from);
      from = to;
    }
    return writer.take();
  }
}

const shared = new ByteWriter();

/** Bins ascending, each as its distance from the one before; the lowest bit tells whether a count follows. */
class BinWriter {
  #before = -BIN_LIMIT;

  constructor() {
    shared.reset();
    shared.byte(VERSION);
  }

  add(bin: number, count: number): void {
    const gap = bin - this.#before - 1;
    this.#before = bin;
    shared.unsigned(gap * 2 + (count > 1 ? 1 : 0));
    if (count > 1) shared.unsigned(count - 2);
  }

  take(): Uint8Array {
    return shared.take();
  }
}

class BinReader {
  readonly #reader: ByteReader;
  bin = -BIN_LIMIT;
  /** 0 past the last bin. */
  count = 0;

  constructor(bytes: Uint8Array) {
    this.#reader = new ByteReader(bytes);
    const version = this.#reader.byte();
    if (version !== VERSION) throw new Error(`quantile sketch of version ${version}, not ${VERSION}`);
    this.next();
  }

  next(): void {
    if (this.#reader.done) {
      this.count = 0;
      return;
    }
    const word = this.#reader.unsigned();
    this.bin += Math.floor(word / 2) + 1;
    this.count = word % 2 === 0 ? 1 : this.#reader.unsigned() + 2;
  }
}

export function mergeQuantiles(one: Uint8Array, other: Uint8Array): Uint8Array {
  const a = new BinReader(one);
  const b = new BinReader(other);
  const writer = new BinWriter();
  while (a.count > 0 || b.count > 0) {
    if (b.count === 0 || (a.count > 0 && a.bin < b.bin)) {
      writer.add(a.bin, a.count);
      a.next();
    } else if (a.count === 0 || b.bin < a.bin) {
      writer.add(b.bin, b.count);
      b.next();
    } else {
      writer.add(a.bin, a.count + b.count);
      a.next();
      b.next();
    }
  }
  return writer.take();
}

/** The value at place ⌊q · (n − 1)⌋ of the n values in their order, within the error. */
export function quantileOf(bytes: Uint8Array, q: number): number {
  let total = 0;
  for (const reader = new BinReader(bytes); reader.count > 0; reader.next()) total += reader.count;
  let before = Math.floor(q * (total - 1));
  const reader = new BinReader(bytes);
  while (before >= reader.count) {
    before -= reader.count;
    reader.next();
  }
  return middleOf(reader.bin);
}

const values = new Map<number, number>();

/** The value that no value of the bin is further from than the error. */
function middleOf(bin: number): number {
  if (bin < 0) return -middleOf(-bin);
  if (bin === 0) return 0;
  let value = values.get(bin);
  if (value === undefined) {
    const low = lowerEnd(bin - 1);
    const high = lowerEnd(bin);
    value = (2 * low * high) / (low + high);
    if (value < EXACT_BELOW) value = Math.round(value);
    values.set(bin, value);
  }
  return value;
}

/** Where the cubic reaches the bin, by halving. */
function lowerEnd(index: number): number {
  const exponent = Math.floor(index / BINS);
  const wanted = index / BINS - exponent;
  let low = 0;
  let high = 1;
  for (let step = 0; step < 60; step++) {
    const s = (low + high) / 2;
    if (((CUBIC * s + SQUARE) * s + LINEAR) * s < wanted) low = s;
    else high = s;
  }
  return (1 + high) * 2 ** exponent;
}
