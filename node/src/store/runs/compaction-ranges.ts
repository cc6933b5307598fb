/** A run that was cleared, or one that is kept, by about so many bytes on the disk. */
export interface SizedRun {
  run: number;
  bytes: number;
}

export interface CompactionRange {
  from: number;
  to: number;
  deadBytes: number;
}

/** Compacting a range rewrites what is kept in it: at most a quarter of what it frees. */
const LIVE_SHARE = 0.25;

/**
 * Ranges of run numbers that are worth compacting, from what was cleared and what is kept, both by ascending run.
 * Compacting everything between the first and the last cleared run wrote 34 MB to free 4; so ranges end where too
 * much that is kept stands between, and small ones are left to LevelDB, which comes by on its own.
 */
export function compactionRanges(
  cleared: readonly SizedRun[],
  kept: readonly SizedRun[],
  fromBytes: number,
): CompactionRange[] {
  const ranges: CompactionRange[] = [];
  let live = 0;
  let at = 0;
  let open: CompactionRange | null = null;
  for (const { run, bytes } of cleared) {
    let between = 0;
    for (; at < kept.length && kept[at].run < run; at++) between += kept[at].bytes;
    if (open !== null && live + between <= LIVE_SHARE * (open.deadBytes + bytes)) {
      live += between;
      open.to = run;
      open.deadBytes += bytes;
      continue;
    }
    live = 0;
    open = { from: run, to: run, deadBytes: bytes };
    ranges.push(open);
  }
  return ranges.filter(({ deadBytes }) => deadBytes >= fromBytes);
}
