import { type Buckets, clearBucket, copyBucket, isEmptyBucket, newBuckets, sameKinds } from './buckets.ts';
import {
  COMMON_LANES,
  carryOf,
  FIRST_CORR,
  FIRST_T,
  FIRST_V,
  KIND_LANES,
  LAST_T,
  LAST_V,
  LIMB,
  LONG_AMOUNT,
  LONG_MS,
  RESETS,
  REST,
} from './kinds.ts';
import { mergeSketch } from './sketch/merge-sketch.ts';

/**
 * Merges a bucket into another: associative, commutative, exact. `shift` is how much later the bucket merged in starts,
 * when it is a part of a wider one; times inside a bucket count from its start. HOT
 */
export function mergeBucket(into: Buckets, at: number, from: Buckets, fromAt: number, shift: number): void {
  const a = into.lanes;
  const b = from.lanes;
  for (let lane = 0; lane < COMMON_LANES; lane++) a[lane][at] += b[lane][fromAt];
  let lane = COMMON_LANES;
  let sketch = 0;
  const kinds = into.kinds;
  for (let k = 0; k < kinds.length; k++) {
    const kind = kinds[k];
    switch (kind) {
      case 'present':
        a[lane][at] += b[lane][fromAt];
        break;
      case 'sum':
      case 'share':
      case 'area':
      case 'stood':
        addLimbs(a, lane, at, b[lane][fromAt], b[lane + 1][fromAt]);
        break;
      case 'min':
        if (!(a[lane][at] <= b[lane][fromAt]) && !Number.isNaN(b[lane][fromAt]))
          a[lane][at] = b[lane][fromAt];
        break;
      case 'max':
        if (!(a[lane][at] >= b[lane][fromAt]) && !Number.isNaN(b[lane][fromAt]))
          a[lane][at] = b[lane][fromAt];
        break;
      case 'first':
        mergeFirst(a, lane, at, b[lane][fromAt] + shift, b[lane + 1][fromAt]);
        break;
      case 'last':
        mergeLast(a, lane, at, b[lane][fromAt] + shift, b[lane + 1][fromAt]);
        break;
      case 'quality':
        addLimbs(a, lane + LONG_AMOUNT, at, b[lane + LONG_AMOUNT][fromAt], b[lane + LONG_AMOUNT + 1][fromAt]);
        addLimbs(a, lane + LONG_MS, at, b[lane + LONG_MS][fromAt], b[lane + LONG_MS + 1][fromAt]);
        a[lane + RESETS][at] += b[lane + RESETS][fromAt];
        break;
      case 'repeats':
        a[lane][at] += b[lane][fromAt];
        break;
      case 'register':
        mergeRegister(a, b, lane, at, fromAt, shift);
        break;
      case 'squares':
        addSquares(a, lane, at, b[lane][fromAt], b[lane + 1][fromAt], b[lane + 2][fromAt]);
        break;
      case 'quantiles':
      case 'uniques':
      case 'tops':
      case 'portions':
        into.sketches[sketch][at] = mergeSketch(
          kind,
          into.sketches[sketch][at],
          from.sketches[sketch][fromAt],
        );
        sketch++;
        break;
    }
    lane += KIND_LANES[kind];
  }
}

/** Adds an exact integer to the one at `lane`, and leaves it in its one form. HOT */
export function addLimbs(lanes: Float64Array[], lane: number, at: number, hi: number, lo: number): void {
  const low = lanes[lane + 1][at] + lo;
  const carry = carryOf(low);
  lanes[lane][at] += hi + carry;
  lanes[lane + 1][at] = low - carry * LIMB;
}

/** Adds to an exact integer that is not negative; the two lower of its three limbs are in [0, 2^40). */
export function addSquares(
  lanes: Float64Array[],
  lane: number,
  at: number,
  hi: number,
  mid: number,
  lo: number,
): void {
  const low = lanes[lane + 2][at] + lo;
  const carry = Math.floor(low / LIMB);
  const middle = lanes[lane + 1][at] + mid + carry;
  const more = Math.floor(middle / LIMB);
  lanes[lane + 2][at] = low - carry * LIMB;
  lanes[lane + 1][at] = middle - more * LIMB;
  lanes[lane][at] += hi + more;
}

/** Of equal times the smaller value is first; NaN means that there is none yet. HOT */
function mergeFirst(lanes: Float64Array[], lane: number, at: number, t: number, v: number): void {
  const own = lanes[lane][at];
  if (own < t || Number.isNaN(t)) return;
  if (own === t && lanes[lane + 1][at] <= v) return;
  lanes[lane][at] = t;
  lanes[lane + 1][at] = v;
}

/** Of equal times the larger value is last. HOT */
function mergeLast(lanes: Float64Array[], lane: number, at: number, t: number, v: number): void {
  const own = lanes[lane][at];
  if (own > t || Number.isNaN(t)) return;
  if (own === t && lanes[lane + 1][at] >= v) return;
  lanes[lane][at] = t;
  lanes[lane + 1][at] = v;
}

/** The correction of the segment that does not come first moves to the rest: its interval is an inner one now. HOT */
function mergeRegister(
  a: Float64Array[],
  b: Float64Array[],
  lane: number,
  at: number,
  fromAt: number,
  shift: number,
): void {
  const t = b[lane + FIRST_T][fromAt] + shift;
  if (Number.isNaN(t)) return;
  const v = b[lane + FIRST_V][fromAt];
  const hi = b[lane + FIRST_CORR][fromAt];
  const lo = b[lane + FIRST_CORR + 1][fromAt];
  const ownT = a[lane + FIRST_T][at];
  const ownV = a[lane + FIRST_V][at];
  addLimbs(a, lane + REST, at, b[lane + REST][fromAt], b[lane + REST + 1][fromAt]);
  if (ownT === t && ownV === v) addLimbs(a, lane + FIRST_CORR, at, hi, lo);
  else if (ownT < t || (ownT === t && ownV < v)) addLimbs(a, lane + REST, at, hi, lo);
  else {
    if (!Number.isNaN(ownT))
      addLimbs(a, lane + REST, at, a[lane + FIRST_CORR][at], a[lane + FIRST_CORR + 1][at]);
    a[lane + FIRST_CORR][at] = hi;
    a[lane + FIRST_CORR + 1][at] = lo;
    a[lane + FIRST_T][at] = t;
    a[lane + FIRST_V][at] = v;
  }
  mergeLast(a, lane + LAST_T, at, b[lane + LAST_T][fromAt] + shift, b[lane + LAST_V][fromAt]);
}

/** Merges any number of parts of one group at one tier; a bucket that comes to nothing is left out. */
export function mergeAll(parts: Buckets[]): Buckets {
  const merged = newBuckets(
    parts[0].kinds,
    parts.reduce((sum, part) => sum + part.n, 0),
  );
  mergeInto(merged, parts);
  return merged;
}

/** Into what has room for the buckets of all parts. */
export function mergeInto(merged: Buckets, parts: Buckets[]): void {
  for (const { kinds } of parts)
    if (!sameKinds(kinds, merged.kinds)) throw new Error('buckets of different layouts cannot be merged');
  merged.n = 0;
  if (oneBehindTheOther(parts)) {
    for (const part of parts) append(merged, part);
    return;
  }
  const next = new Int32Array(parts.length);
  for (;;) {
    const start = earliest(parts, next);
    if (start === Number.POSITIVE_INFINITY) return;
    takeStart(merged, parts, next, start);
  }
}

/** As the periods of one group are, unless late readings lie over them: then there is nothing to merge. */
function oneBehindTheOther(parts: Buckets[]): boolean {
  let last = Number.NEGATIVE_INFINITY;
  for (const { n, starts } of parts) {
    if (n === 0) continue;
    if (starts[0] <= last) return false;
    last = starts[n - 1];
  }
  return true;
}

function append(into: Buckets, part: Buckets): void {
  for (let at = 0; at < part.n; at++)
    if (!isEmptyBucket(part, at)) {
      copyBucket(into, into.n, part, at);
      into.n++;
    }
}

function earliest(parts: Buckets[], next: Int32Array): number {
  let start = Number.POSITIVE_INFINITY;
  for (let p = 0; p < parts.length; p++)
    if (next[p] < parts[p].n && parts[p].starts[next[p]] < start) start = parts[p].starts[next[p]];
  return start;
}

function takeStart(merged: Buckets, parts: Buckets[], next: Int32Array, start: number): void {
  const at = merged.n;
  let fresh = true;
  for (let p = 0; p < parts.length; p++) {
    const part = parts[p];
    if (next[p] >= part.n || part.starts[next[p]] !== start) continue;
    if (fresh) copyBucket(merged, at, part, next[p]);
    else mergeBucket(merged, at, part, next[p], 0);
    fresh = false;
    next[p]++;
  }
  if (!isEmptyBucket(merged, at)) merged.n++;
}

/** Where the buckets of a width lie. */
export interface Boundaries {
  start(t: number): number;
  end(start: number): number;
}

/**
 * The same buckets at a wider step whose boundaries are boundaries of theirs, into `wide`, which has room for as many
 * as there are fine ones. What comes to nothing is left out.
 */
export function coarsenInto(wide: Buckets, fine: Buckets, boundaries: Boundaries): void {
  wide.n = 0;
  let start = Number.NaN;
  let end = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < fine.n; at++) {
    const t = fine.starts[at];
    if (t >= end) {
      if (wide.n > 0 && isEmptyBucket(wide, wide.n - 1)) wide.n--;
      start = boundaries.start(t);
      end = boundaries.end(start);
      clearBucket(wide, wide.n++, start);
    }
    mergeBucket(wide, wide.n - 1, fine, at, t - start);
  }
  if (wide.n > 0 && isEmptyBucket(wide, wide.n - 1)) wide.n--;
}

export function coarsen(fine: Buckets, boundaries: Boundaries): Buckets {
  const wide = newBuckets(fine.kinds, fine.n);
  coarsenInto(wide, fine, boundaries);
  return wide;
}
