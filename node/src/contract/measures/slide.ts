import { type Buckets, clearBucket, copyBucket, isEmptyBucket, newBuckets } from './buckets.ts';
import { type Boundaries, mergeBucket } from './merge.ts';

/**
 * Windows that slide by steps: each is the merge of the last `count` steps, and stands at the start of the newest of
 * them. The steps are cut into blocks of `count`; what a block's steps are merged to from its start on, and up to its end,
 * is worked out once, and every window is the end of one block and the start of the next: three merges a step,
 * however long the windows are.
 */
export function slide(
  steps: Buckets,
  boundaries: Boundaries,
  count: number,
  from: number,
  to: number,
): Buckets {
  const grid = gridOf(boundaries, count, from, to);
  const all = onGrid(steps, grid);
  const heads = newBuckets(steps.kinds, grid.length);
  const tails = newBuckets(steps.kinds, grid.length);
  for (let at = 0; at < grid.length; at++) {
    copyBucket(heads, at, all, at);
    if (at % count === 0) continue;
    copyBucket(heads, at, heads, at - 1);
    mergeBucket(heads, at, all, at, grid[at] - heads.starts[at]);
  }
  for (let at = grid.length - 1; at >= 0; at--) {
    copyBucket(tails, at, all, at);
    if (at % count !== count - 1 && at + 1 < grid.length)
      mergeBucket(tails, at, tails, at + 1, grid[at + 1] - grid[at]);
  }
  const windows = newBuckets(steps.kinds, grid.length);
  for (let at = count - 1; at < grid.length; at++) {
    const first = at - count + 1;
    copyBucket(windows, windows.n, first % count === 0 ? heads : tails, first % count === 0 ? at : first);
    if (first % count !== 0) mergeBucket(windows, windows.n, heads, at, heads.starts[at] - grid[first]);
    windows.starts[windows.n] = grid[at];
    if (!isEmptyBucket(windows, windows.n)) windows.n++;
  }
  return windows;
}

/** Amounts by the start of their step, as amounts by window. */
export function slideAmounts(
  amounts: Map<number, number>,
  boundaries: Boundaries,
  count: number,
  from: number,
  to: number,
): Map<number, number> {
  const grid = gridOf(boundaries, count, from, to);
  const windows = new Map<number, number>();
  let sum = 0;
  let held = 0;
  for (let at = 0; at < grid.length; at++) {
    const entering = amounts.get(grid[at]);
    if (entering !== undefined) held++;
    sum += entering ?? 0;
    if (at >= count) {
      const leaving = amounts.get(grid[at - count]);
      if (leaving !== undefined) held--;
      sum -= leaving ?? 0;
    }
    if (at >= count - 1 && held > 0) windows.set(grid[at], sum);
  }
  return windows;
}

/** Where the oldest window of a range begins. */
export function windowLead(boundaries: Boundaries, count: number, from: number): number {
  let start = boundaries.start(from);
  for (let left = count - 1; left > 0; left--) start = boundaries.start(start - 1);
  return start;
}

/** Starts of all steps that windows of the range are made of, also of those that hold nothing. */
function gridOf(boundaries: Boundaries, count: number, from: number, to: number): number[] {
  const grid: number[] = [];
  for (let start = windowLead(boundaries, count, from); start < to; start = boundaries.end(start))
    grid.push(start);
  return grid;
}

function onGrid(steps: Buckets, grid: number[]): Buckets {
  const all = newBuckets(steps.kinds, grid.length);
  let next = 0;
  for (let at = 0; at < grid.length; at++) {
    while (next < steps.n && steps.starts[next] < grid[at]) next++;
    if (next < steps.n && steps.starts[next] === grid[at]) copyBucket(all, at, steps, next);
    else clearBucket(all, at, grid[at]);
  }
  all.n = grid.length;
  return all;
}
