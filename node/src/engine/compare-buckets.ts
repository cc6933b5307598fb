import {
  type Buckets,
  copyBucket,
  isEmptyBucket,
  newBuckets,
  sameKinds,
} from '../contract/measures/buckets.ts';
import { compareBytes } from '../contract/measures/entry-key.ts';
import { FIRST_V, LAST_V, limbsAt, REST, REVISION, ROWS } from '../contract/measures/kinds.ts';
import type { Accumulator, Layout } from '../contract/measures/layout.ts';

/** Which buckets of a tier are compared: those that begin at or after one moment and end at or before another. */
export interface BucketSpan {
  includes(start: number): boolean;
}

export interface ChangedBucket {
  /** Places in what is stored and in what was made anew; −1 where there is none. */
  stored: number;
  anew: number;
}

export interface ChunkDifference {
  equal: number;
  changes: ChangedBucket[];
}

/**
 * Holds buckets of one group, as stored, against the same made anew. Revisions are no part of it: they tell how often
 * an answer changed, which depends on what came late before the span.
 */
export function compareBuckets(stored: Buckets, anew: Buckets, span: BucketSpan): ChunkDifference {
  const difference: ChunkDifference = { equal: 0, changes: [] };
  let a = 0;
  let b = 0;
  while (a < stored.n || b < anew.n) {
    const startA = a < stored.n ? stored.starts[a] : Number.POSITIVE_INFINITY;
    const startB = b < anew.n ? anew.starts[b] : Number.POSITIVE_INFINITY;
    const start = Math.min(startA, startB);
    const change = { stored: startA === start ? a++ : -1, anew: startB === start ? b++ : -1 };
    if (!span.includes(start)) continue;
    if (change.stored >= 0 && change.anew >= 0 && isSame(stored, change.stored, anew, change.anew))
      difference.equal++;
    else if (!saysNothing(stored, change.stored) || !saysNothing(anew, change.anew))
      difference.changes.push(change);
  }
  return difference;
}

/** Whether there is no bucket, or one of which only is told that it once said something else. */
function saysNothing(buckets: Buckets, at: number): boolean {
  return at < 0 || isEmptyBucket(buckets, at, REVISION);
}

function isSame(stored: Buckets, a: number, anew: Buckets, b: number): boolean {
  if (!sameKinds(stored.kinds, anew.kinds)) return false;
  for (let lane = 0; lane < stored.lanes.length; lane++) {
    const is = stored.lanes[lane][a];
    const must = anew.lanes[lane][b];
    if (is !== must && lane !== REVISION && !(Number.isNaN(is) && Number.isNaN(must))) return false;
  }
  return stored.sketches.every((some, s) => sameSketch(some[a], anew.sketches[s][b]));
}

/** One content has one form. */
function sameSketch(is: Uint8Array | null, must: Uint8Array | null): boolean {
  return is === null || must === null ? is === must : compareBytes(is, must) === 0;
}

/**
 * What is to be stored: as it was where nothing differs or nothing was compared, made anew where it differs. The
 * revision of a bucket that changes goes up, for whoever saw it as it was.
 */
export function corrected(stored: Buckets, anew: Buckets, { changes }: ChunkDifference): Buckets {
  const replaced = new Map(changes.filter(({ stored: at }) => at >= 0).map((one) => [one.stored, one.anew]));
  const added = changes.filter(({ stored: at }) => at < 0).map(({ anew: at }) => at);
  const kinds = stored.n > 0 ? stored.kinds : anew.kinds;
  const result = newBuckets(kinds, stored.n + added.length);
  const put = (from: Buckets, at: number, revision: number) => {
    copyBucket(result, result.n, from, at);
    result.lanes[REVISION][result.n] = Math.max(from.lanes[REVISION][at], revision);
    result.n++;
  };
  let next = 0;
  for (let at = 0; at <= stored.n; at++) {
    const before = at < stored.n ? stored.starts[at] : Number.POSITIVE_INFINITY;
    while (next < added.length && anew.starts[added[next]] < before) put(anew, added[next++], 1);
    if (at === stored.n) break;
    const by = replaced.get(at);
    if (by === undefined) put(stored, at, 0);
    else if (by >= 0) put(anew, by, stored.lanes[REVISION][at] + 1);
  }
  return result;
}

/** How a figure of a bucket is called, and what it is. */
export interface Figure {
  name: string;
  of(buckets: Buckets, at: number): number | null;
}

/** What of a bucket can be told as one number. Other parts only count as changed. */
export function figuresOf(layout: Layout): Figure[] {
  const count: Figure = { name: 'count()', of: (buckets, at) => buckets.lanes[ROWS][at] };
  return [count, ...layout.accumulators.flatMap(figureOf)];
}

function figureOf({ kind, field, decimals, lane }: Accumulator): Figure[] {
  const scale = 10 ** decimals;
  const figure = (fn: string, of: Figure['of']): Figure[] => [{ name: `${fn}(${field})`, of }];
  switch (kind) {
    case 'sum':
      return figure('sum', ({ lanes }, at) => limbsAt(lanes, lane, at) / scale);
    case 'share':
      return figure('increase', ({ lanes }, at) => limbsAt(lanes, lane, at) / scale);
    case 'min':
    case 'max':
      return figure(kind, (buckets, at) => orNull(buckets.lanes[lane][at] / scale));
    case 'first':
    case 'last':
      return figure(kind, (buckets, at) => orNull(buckets.lanes[lane + 1][at] / scale));
    case 'register':
      return figure('increase', ({ lanes }, at) => {
        const moved = lanes[lane + LAST_V][at] - lanes[lane + FIRST_V][at];
        return orNull(limbsAt(lanes, lane + REST, at, moved) / scale);
      });
    default:
      return [];
  }
}

const orNull = (value: number) => (Number.isNaN(value) ? null : value);
