import { type Buckets, CHEAP_CAPACITY, newBuckets } from './buckets.ts';
import { ByteReader, ByteWriter } from './byte-writer.ts';
import {
  ACCUMULATOR_KINDS,
  type AccumulatorKind,
  COMMON_LANES,
  FIRST_V,
  isZeroWhenEmpty,
  KIND_LANES,
  LAST_T,
  LAST_V,
} from './kinds.ts';
import { mergeInto } from './merge.ts';

/**
 * The bytes of a chunk: the buckets of one group over one period, in columns. One content has one form, so equal state
 * is equal bytes however it came about. Layout: version · kinds · number of buckets · unit and starts · two bits a lane
 * that say how it is written · the lanes · the sketches, each with its length before it, 0 for an empty one.
 */
const VERSION = 1;

/** How a lane is written: left out (all empty), one value for all, all, or those that are not empty after a bitmap. */
const ABSENT = 0;
const SAME = 1;
const FULL = 2;
const SPARSE = 3;

/** Starts are multiples of one of these, in milliseconds. */
const UNITS = [60_000, 1000, 1];

/** A value is written as its difference from the one before in the lane, or from another lane of the same bucket. */
interface LanePlan {
  nullable: boolean;
  /** Lane, earlier in order, whose value of the same bucket is the reference; -1: the value before in this lane. */
  peer: number;
}

/** Of a list of kinds: how its lanes are written, what its chunks begin with, and room for the modes of one of them. */
interface ChunkPlan {
  lanes: LanePlan[];
  head: Uint8Array;
  modes: Uint8Array;
}

const plans = new Map<string, ChunkPlan>();
/** Chunks of one table come one after the other, with the same list of kinds. */
let lastKinds: AccumulatorKind[] = [];
let lastPlan = newPlan([]);

function planOf(kinds: AccumulatorKind[]): ChunkPlan {
  if (kinds === lastKinds) return lastPlan;
  const name = kinds.join();
  let plan = plans.get(name);
  if (plan === undefined) {
    plan = newPlan(kinds);
    plans.set(name, plan);
  }
  lastKinds = kinds;
  lastPlan = plan;
  return plan;
}

function newPlan(kinds: AccumulatorKind[]): ChunkPlan {
  const lanes: LanePlan[] = [];
  for (let lane = 0; lane < COMMON_LANES; lane++) lanes.push({ nullable: false, peer: -1 });
  for (const kind of kinds) addPlan(lanes, kind);
  const head = Uint8Array.of(VERSION, kinds.length, ...kinds.map((kind) => ACCUMULATOR_KINDS.indexOf(kind)));
  return { lanes, head, modes: new Uint8Array(lanes.length) };
}

function addPlan(plan: LanePlan[], kind: AccumulatorKind): void {
  const lane = plan.length;
  const nullable = !isZeroWhenEmpty(kind);
  for (let more = 0; more < KIND_LANES[kind]; more++) plan.push({ nullable: nullable && more < 4, peer: -1 });
  if (kind === 'present') plan[lane].peer = 0;
  if (kind !== 'register') return;
  plan[lane + LAST_T].peer = lane;
  plan[lane + LAST_V].peer = lane + FIRST_V;
}

const writer = new ByteWriter();

/** The buckets from one place to another, all of them when not told. */
export function encodeChunk(buckets: Buckets, from = 0, to = buckets.n): Uint8Array {
  const { lanes, head, modes } = planOf(buckets.kinds);
  writer.reset();
  writer.bytes(head);
  writer.unsigned(to - from);
  if (to <= from) return writer.take();
  writeStarts(buckets.starts, from, to);
  for (let lane = 0; lane < lanes.length; lane++)
    modes[lane] = modeOf(buckets.lanes[lane], lanes[lane], from, to);
  writeModes(modes);
  for (let lane = 0; lane < lanes.length; lane++)
    if (modes[lane] !== ABSENT) writeLane(buckets, lane, lanes[lane].peer, modes[lane], from, to);
  for (let s = 0; s < buckets.sketches.length; s++) writeSketches(buckets.sketches[s], from, to);
  return writer.take();
}

function writeSketches(sketches: (Uint8Array | null)[], from: number, to: number): void {
  for (let at = from; at < to; at++) {
    const bytes = sketches[at];
    writer.unsigned(bytes === null ? 0 : bytes.length);
    if (bytes !== null) writer.bytes(bytes);
  }
}

function writeStarts(starts: Float64Array, from: number, to: number): void {
  let code = 0;
  for (let at = from; at < to; at++) while (starts[at] % UNITS[code] !== 0) code++;
  const unit = UNITS[code];
  writer.byte(code);
  let before = 0;
  for (let at = from; at < to; at++) {
    const start = starts[at] / unit;
    if (at === from) writer.signed(start);
    else writer.unsigned(start - before - 1);
    before = start;
  }
}

function modeOf(values: Float64Array, plan: LanePlan, from: number, to: number): number {
  const first = values[from];
  let same = true;
  let holes = false;
  for (let at = from; at < to; at++) {
    const value = values[at];
    if (Number.isNaN(value)) holes = true;
    if (value !== first && (!Number.isNaN(value) || !Number.isNaN(first))) same = false;
  }
  if (same && (plan.nullable ? Number.isNaN(first) : first === 0)) return ABSENT;
  if (same && !holes && plan.peer < 0) return SAME;
  return holes ? SPARSE : FULL;
}

function writeModes(modes: Uint8Array): void {
  for (let lane = 0; lane < modes.length; lane += 4) {
    let some = 0;
    for (let more = 0; more < 4 && lane + more < modes.length; more++)
      some |= modes[lane + more] << (more * 2);
    writer.byte(some);
  }
}

function writeLane(
  buckets: Buckets,
  lane: number,
  peer: number,
  mode: number,
  from: number,
  to: number,
): void {
  const values = buckets.lanes[lane];
  if (mode === SAME) {
    writer.signed(values[from]);
    return;
  }
  if (mode === SPARSE) writeBitmap(values, from, to);
  let before = 0;
  for (let at = from; at < to; at++) {
    if (Number.isNaN(values[at])) continue;
    writer.signed(values[at] - (peer < 0 ? before : buckets.lanes[peer][at]));
    before = values[at];
  }
}

function writeBitmap(values: Float64Array, from: number, to: number): void {
  for (let at = from; at < to; at += 8) {
    let bits = 0;
    for (let more = 0; more < 8 && at + more < to; more++)
      if (!Number.isNaN(values[at + more])) bits |= 1 << more;
    writer.byte(bits);
  }
}

export function decodeChunk(bytes: Uint8Array): Buckets {
  return readChunk(new ByteReader(bytes), newBuckets);
}

/** Chunks that were put one behind the other: a chunk tells where it ends. */
export function decodeChunks(bytes: Uint8Array): Buckets[] {
  const reader = new ByteReader(bytes);
  const chunks: Buckets[] = [];
  while (!reader.done) chunks.push(readChunk(reader, newBuckets));
  return chunks;
}

/** More than the tier of a second has in the longest period. */
const MAX_BUCKETS = 1 << 20;

function readChunk(reader: ByteReader, room: typeof newBuckets): Buckets {
  const kinds = readKinds(reader);
  const n = reader.count(MAX_BUCKETS);
  const buckets = room(kinds, n);
  buckets.n = n;
  if (n === 0) return buckets;
  readStarts(reader, buckets.starts, n);
  const { lanes } = planOf(kinds);
  const modes = reader.bytes((lanes.length + 3) >> 2);
  for (let lane = 0; lane < lanes.length; lane++)
    readLane(reader, buckets, lanes[lane], lane, (modes[lane >> 2] >> ((lane & 3) * 2)) & 3);
  for (let s = 0; s < buckets.sketches.length; s++) readSketches(reader, buckets.sketches[s], n);
  return buckets;
}

function readKinds(reader: ByteReader): AccumulatorKind[] {
  const version = reader.byte();
  if (version !== VERSION) throw new Error(`chunk of version ${version}, not ${VERSION}`);
  const count = reader.byte();
  let kinds = lastKinds;
  for (let at = 0; at < count; at++) {
    const kind = ACCUMULATOR_KINDS[reader.byte()];
    if (kind === undefined) throw new Error('chunk with an unknown kind of accumulator');
    if (kinds === lastKinds && kind !== lastKinds[at]) kinds = lastKinds.slice(0, at);
    if (kinds !== lastKinds) kinds.push(kind);
  }
  return count === kinds.length ? kinds : kinds.slice(0, count);
}

/** Starts of a chunk's buckets, without reading the rest. */
export function startsOf(bytes: Uint8Array): Float64Array {
  const reader = new ByteReader(bytes);
  readKinds(reader);
  const starts = new Float64Array(reader.count(MAX_BUCKETS));
  if (starts.length > 0) readStarts(reader, starts, starts.length);
  return starts;
}

function readStarts(reader: ByteReader, starts: Float64Array, n: number): void {
  const unit = UNITS[reader.byte()];
  let start = reader.signed();
  starts[0] = start * unit;
  for (let at = 1; at < n; at++) {
    start += reader.unsigned() + 1;
    starts[at] = start * unit;
  }
}

function readLane(reader: ByteReader, buckets: Buckets, plan: LanePlan, lane: number, mode: number): void {
  const values = buckets.lanes[lane];
  if (mode === ABSENT || mode === SAME) {
    values.fill(mode === SAME ? reader.signed() : plan.nullable ? Number.NaN : 0);
    return;
  }
  const bitmap = mode === SPARSE ? reader.bytes((buckets.n + 7) >> 3) : null;
  let before = 0;
  for (let at = 0; at < buckets.n; at++) {
    if (bitmap !== null && ((bitmap[at >> 3] >> (at & 7)) & 1) === 0) {
      values[at] = Number.NaN;
      continue;
    }
    values[at] = reader.signed() + (plan.peer < 0 ? before : buckets.lanes[plan.peer][at]);
    before = values[at];
  }
}

function readSketches(reader: ByteReader, sketches: (Uint8Array | null)[], n: number): void {
  for (let at = 0; at < n; at++) {
    const length = reader.unsigned();
    sketches[at] = length === 0 ? null : reader.bytes(length);
  }
}

/** Merges chunks, each time into the same room: arrays for each of them would cost more than the rest. */
export class ChunkMerger {
  readonly #kept: Buckets[] = [];
  #next = 0;

  /** The values of one entry, in any order, as one. What it answers is good until it is asked again. */
  merged(values: Uint8Array[]): Buckets {
    this.#next = 0;
    let total = 0;
    const parts = values.map((value) => {
      const part = readChunk(new ByteReader(value), this.#take);
      total += part.n;
      return part;
    });
    if (parts.length === 1) return parts[0];
    const merged = this.#take(parts[0].kinds, total);
    mergeInto(merged, parts);
    return merged;
  }

  readonly #take = (kinds: AccumulatorKind[], n: number): Buckets => {
    const at = this.#next++;
    const known = this.#kept[at];
    if (known !== undefined && known.kinds === kinds && known.starts.length >= n) return known;
    const fresh = newBuckets(kinds, Math.max(n, CHEAP_CAPACITY));
    // Sketches are pieces of the blocks that they were read from, which would be kept along.
    if (at < KEPT_ROOMS && n <= KEPT_BUCKETS && fresh.sketches.length === 0) this.#kept[at] = fresh;
    return fresh;
  };
}

/** An entry has a value from each run, and those are few; what is larger is rare, and not worth its memory. */
const KEPT_ROOMS = 16;
const KEPT_BUCKETS = 256;
const merger = new ChunkMerger();

/** Merge of the tables of buckets: the values of one entry, in any order, into one. */
export function mergeChunks(values: Uint8Array[]): Uint8Array {
  return values.length === 1 ? values[0] : encodeChunk(merger.merged(values));
}
