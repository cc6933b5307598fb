/** Names of the tables of the store. They are on disk: a change here needs a migration. */

/** How much event time one entry of a tier's table spans: a chart of one group is a handful of entries. */
const CHUNK_SPANS: readonly (readonly [tierMs: number, spanMs: number])[] = [
  [5 * 60_000, 2 * 3_600_000],
  [3_600_000, 24 * 3_600_000],
  [24 * 3_600_000, 4 * 24 * 3_600_000],
  [Number.POSITIVE_INFINITY, 92 * 24 * 3_600_000],
];

const DAY_MS = 24 * 3_600_000;

/** The span of the first row whose tier is wider; widths of time since the epoch, whatever the zone. */
export function chunkSpanMs(tierWidthMs: number): number {
  for (const [widthMs, spanMs] of CHUNK_SPANS) if (tierWidthMs < widthMs) return spanMs;
  return DAY_MS;
}

/** A bucket stands in the period in which it starts. */
export function periodOf(startMs: number, spanMs: number): number {
  return Math.floor(startMs / spanMs);
}

export const TABLES = Object.freeze({
  buckets: (rollup: string, by: string[], tier: string) => `roll/${rollup}/${by.join(',')}/${tier}`,
  /** Counted readings by key; a period is `HISTORY_SPAN_MS` of event time. */
  history: (stream: string) => `history/${stream}`,
  /** Newest reading of each key; one period. */
  keys: (stream: string) => `keys/${stream}`,
  /** Number → dimensions of a reading, as history names them; one period. */
  tuples: (stream: string) => `tuples/${stream}`,
  /** Registers that were swapped, by key; one period. */
  swaps: (stream: string) => `swaps/${stream}`,
  /** Counts by hour of log time; a period is a UTC day. */
  ledger: (stream: string) => `ledger/${stream}`,
  /** Watermarks by stream; one period. */
  marks: 'marks',
  /** Up to which edit of the site file the tables of the shard were made anew; one period. */
  reshaped: 'reshaped',
});

/** A late reading decodes one entry: at a reading every 5 s a day would be 17,280 rows, this is 2,880. */
export const HISTORY_SPAN_MS = 4 * 3_600_000;
export const LEDGER_SPAN_MS = DAY_MS;
/** How long the hours of the ledger are kept. */
export const LEDGER_KEEP_MS = 400 * DAY_MS;
/** Of tables that do not go by time. */
export const ONLY_PERIOD = 0;
