import { type AccumulatorKind, COMMON_LANES, isSketch, isZeroWhenEmpty, KIND_LANES } from './kinds.ts';

/** Buckets of one group in columns, ascending by start: the decoded form of a chunk. */
export interface Buckets {
  kinds: AccumulatorKind[];
  n: number;
  starts: Float64Array;
  /** `lanes[lane][bucket]`. */
  lanes: Float64Array[];
  /** `sketches[n][bucket]` for the n-th kind that is a sketch; null when empty. The bytes are never changed. */
  sketches: (Uint8Array | null)[][];
}

export function laneCount(kinds: AccumulatorKind[]): number {
  let lanes = COMMON_LANES;
  for (const kind of kinds) lanes += KIND_LANES[kind];
  return lanes;
}

/** V8 keeps arrays of up to 64 bytes in its own heap. For each larger one it asks malloc, which takes 1 µs. */
export const CHEAP_CAPACITY = 8;

/** Room for `capacity` buckets; `n` starts at 0. What is in a lane past `n` means nothing. */
export function newBuckets(kinds: AccumulatorKind[], capacity: number): Buckets {
  const count = laneCount(kinds);
  const shared = capacity > CHEAP_CAPACITY ? new ArrayBuffer((count + 1) * capacity * 8) : null;
  const column = (at: number) =>
    shared === null ? new Float64Array(capacity) : new Float64Array(shared, at * capacity * 8, capacity);
  const lanes: Float64Array[] = [];
  for (let lane = 0; lane < count; lane++) lanes.push(column(lane));
  const sketches = kinds.filter(isSketch).map(() => new Array<Uint8Array | null>(capacity).fill(null));
  return { kinds, n: 0, starts: column(count), lanes, sketches };
}

/** Sets a bucket to what merging leaves as it is: the identity. */
export function clearBucket(buckets: Buckets, at: number, start: number): void {
  buckets.starts[at] = start;
  const lanes = buckets.lanes;
  for (let lane = 0; lane < COMMON_LANES; lane++) lanes[lane][at] = 0;
  let lane = COMMON_LANES;
  for (const kind of buckets.kinds) {
    const width = KIND_LANES[kind];
    const empty = isZeroWhenEmpty(kind) ? 0 : Number.NaN;
    for (let more = 0; more < width; more++) lanes[lane + more][at] = more < 4 ? empty : 0;
    lane += width;
  }
  for (let s = 0; s < buckets.sketches.length; s++) buckets.sketches[s][at] = null;
}

/**
 * Whether the bucket says nothing: such a bucket is not kept, so that what adds up to nothing has one form. `but`: a common
 * lane that is no matter.
 */
export function isEmptyBucket(buckets: Buckets, at: number, but = -1): boolean {
  const lanes = buckets.lanes;
  for (let lane = 0; lane < COMMON_LANES; lane++) if (lanes[lane][at] !== 0 && lane !== but) return false;
  let lane = COMMON_LANES;
  for (const kind of buckets.kinds) {
    const width = KIND_LANES[kind];
    for (let more = 0; more < width; more++) {
      const value = lanes[lane + more][at];
      if (!Number.isNaN(value) && value !== 0) return false;
      // A zero is a value in those lanes where NaN stands for none.
      const nullable = !isZeroWhenEmpty(kind) && more < 4;
      if (nullable && !Number.isNaN(value)) return false;
    }
    lane += width;
  }
  for (let s = 0; s < buckets.sketches.length; s++) if (buckets.sketches[s][at] !== null) return false;
  return true;
}

export function copyBucket(into: Buckets, at: number, from: Buckets, fromAt: number): void {
  into.starts[at] = from.starts[fromAt];
  for (let lane = 0; lane < into.lanes.length; lane++) into.lanes[lane][at] = from.lanes[lane][fromAt];
  for (let s = 0; s < into.sketches.length; s++) into.sketches[s][at] = from.sketches[s][fromAt];
}

export function sameKinds(one: AccumulatorKind[], other: AccumulatorKind[]): boolean {
  return one === other || (one.length === other.length && one.every((kind, at) => kind === other[at]));
}
