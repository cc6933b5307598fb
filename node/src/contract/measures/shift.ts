import { type Buckets, clearBucket, isEmptyBucket, laneCount, newBuckets } from './buckets.ts';
import { type Doubt, mergeDoubts } from './doubt.ts';
import { type HistoryRows, newHistoryRows } from './history-chunk.ts';
import { type KeyState, newKeyState } from './key-state.ts';
import { type AccumulatorKind, COMMON_LANES, isSketch, KIND_LANES } from './kinds.ts';

/**
 * From what was stored for one site file to what another one asks for. Everything has its place in the old one, or −1
 * where the old one knew nothing of it.
 */
export interface LayoutShift {
  kinds: AccumulatorKind[];
  from: number[];
}

export interface StreamShift {
  /** Fields whose chains are kept. */
  counters: number[];
  /** Columns of history: the counters, then what tells boots. */
  kept: number[];
  dimensions: number[];
}

/** Buckets of the old layout in the new one. What was not counted is empty; a bucket that then says nothing is left out. */
export function shiftBuckets(old: Buckets, shift: LayoutShift): Buckets {
  const buckets = newBuckets(shift.kinds, old.n);
  const oldPlaces = placesOf(old.kinds);
  const places = placesOf(shift.kinds);
  for (let at = 0; at < old.n; at++) {
    const to = buckets.n;
    clearBucket(buckets, to, old.starts[at]);
    for (let lane = 0; lane < COMMON_LANES; lane++) buckets.lanes[lane][to] = old.lanes[lane][at];
    for (let k = 0; k < places.length; k++) {
      const from = shift.from[k];
      if (from < 0) continue;
      for (let more = 0; more < KIND_LANES[shift.kinds[k]]; more++)
        buckets.lanes[places[k].lane + more][to] = old.lanes[oldPlaces[from].lane + more][at];
      const { sketch } = places[k];
      if (sketch >= 0) buckets.sketches[sketch][to] = old.sketches[oldPlaces[from].sketch][at];
    }
    if (!isEmptyBucket(buckets, to)) buckets.n++;
  }
  return buckets;
}

function placesOf(kinds: AccumulatorKind[]): { lane: number; sketch: number }[] {
  let sketches = 0;
  return kinds.map((kind, at) => ({
    lane: laneCount(kinds.slice(0, at)),
    sketch: isSketch(kind) ? sketches++ : -1,
  }));
}

export function shiftKeyState(old: KeyState, { counters }: StreamShift): KeyState {
  const state = newKeyState(counters.length);
  state.oldest = old.oldest;
  state.newest = old.newest;
  for (const [to, from] of counters.entries()) {
    if (from < 0) continue;
    state.counters.set(old.counters.subarray(2 * from, 2 * from + 2), 2 * to);
    state.boots[to] = old.boots[from];
    const doubt = old.doubts[from];
    state.doubts[to] = doubt === null ? null : { ...doubt, counter: to };
  }
  return state;
}

function shiftDoubts(old: Doubt[], { counters }: StreamShift): Doubt[] {
  const moved = old.map((doubt) => ({ ...doubt, counter: counters.indexOf(doubt.counter) }));
  return mergeDoubts(moved.filter(({ counter }) => counter >= 0));
}

/** `tuples` tells the new number of each old one. */
export function shiftHistory(old: HistoryRows, shift: StreamShift, tuples: number[]): HistoryRows {
  const { kept } = shift;
  const rows = newHistoryRows(kept.length, old.n);
  rows.n = old.n;
  rows.times.set(old.times);
  rows.ids.set(old.ids);
  rows.contents.set(old.contents);
  for (let row = 0; row < old.n; row++) rows.tuples[row] = tuples[old.tuples[row]];
  for (const [to, from] of kept.entries()) {
    if (from < 0) rows.values[to].fill(Number.NaN);
    else rows.values[to].set(old.values[from]);
  }
  if (old.doubts.length > 0) rows.doubts = shiftDoubts(old.doubts, shift);
  return rows;
}

/** Numbers of combinations of dimensions, in the order in which they first came. */
export class TupleNumbers {
  readonly all: (string | null)[][] = [];
  readonly #numbers = new Map<string, number>();

  of(dims: (string | null)[]): number {
    const name = JSON.stringify(dims);
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.all.length);
    return this.all.push(dims) - 1;
  }

  /** Of one of the old dimensions. */
  shifted(old: (string | null)[], { dimensions }: StreamShift): number {
    return this.of(dimensions.map((from) => (from < 0 ? null : (old[from] ?? null))));
  }
}
