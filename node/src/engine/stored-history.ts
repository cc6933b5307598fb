import { compareDoubts, type Doubt } from '../contract/measures/doubt.ts';
import { entryKeyHashed } from '../contract/measures/entry-key.ts';
import { type HistoryRows, mergedHistory } from '../contract/measures/history-chunk.ts';
import { HISTORY_SPAN_MS, periodOf, TABLES } from '../contract/measures/tables.ts';
import type { Seeker } from './neighbours.ts';
import type { RunView } from './run-store.ts';

/** Rows that stay decoded: a device that sends what it had stored asks for the same entry again and again. */
const CACHED_ROWS = 8192;

/** Where a key stands in the store. */
export interface StoredKey {
  key: number;
  name: Uint8Array;
  hash: number;
  /** Not before, and not after, its stored readings. */
  oldestMs: number;
  newestMs: number;
}

/** History that a checkpoint has moved to the store, by key and period. Holds a few decoded entries. */
export class StoredHistory {
  readonly #table: string;
  readonly #decoded = new Map<string, HistoryRows | null>();
  #decodedRows = 0;

  constructor(stream: string) {
    this.#table = TABLES.history(stream);
  }

  /** To be called when the store has changed. */
  forget(): void {
    this.#decoded.clear();
    this.#decodedRows = 0;
  }

  /** Shows the stored readings around the sought time, period by period, until there is enough. */
  probe(view: RunView, where: StoredKey, seek: Seeker, horizon: number): void {
    const span = HISTORY_SPAN_MS;
    const own = periodOf(seek.time, span);
    const last = periodOf(where.newestMs, span);
    const first = periodOf(Math.max(where.oldestMs, horizon), span);
    if (own <= last) {
      const rows = this.#rows(view, where, own);
      showAfter(rows, seek);
      showBefore(rows, seek);
    }
    if (own < last && !seek.hasSuccessors((own + 1) * span))
      for (const period of view.periods(this.#table, own + 1, last)) {
        if (seek.hasSuccessors(period * span)) break;
        showAfter(this.#rows(view, where, period), seek);
      }
    if (own > first && !seek.hasPredecessors(own * span - 1))
      for (const period of view.periods(this.#table, first, Math.min(own - 1, last)).reverse()) {
        if (seek.hasPredecessors((period + 1) * span - 1)) break;
        showBefore(this.#rows(view, where, period), seek);
      }
  }

  /** What is said of the state of a register after a stored reading; null when the reading settles it. */
  doubt(
    view: RunView,
    where: StoredKey,
    counter: number,
    row: { t: number; v: number; id: number },
  ): Doubt | null {
    const doubts = this.#rows(view, where, periodOf(row.t, HISTORY_SPAN_MS))?.doubts ?? [];
    return doubts.find((one) => compareDoubts(one, { counter, ...row }) === 0) ?? null;
  }

  #rows(view: RunView, where: StoredKey, period: number): HistoryRows | null {
    const name = `${where.key} ${period}`;
    const known = this.#decoded.get(name);
    if (known !== undefined) return known;
    const values = view.get(this.#table, period, entryKeyHashed(where.hash, where.name));
    const rows = values.length === 0 ? null : mergedHistory(values);
    // What is not there takes a place too.
    this.#decodedRows += 1 + (rows?.n ?? 0);
    for (const [oldest, some] of this.#decoded) {
      if (this.#decodedRows <= CACHED_ROWS) break;
      this.#decoded.delete(oldest);
      this.#decodedRows -= 1 + (some?.n ?? 0);
    }
    this.#decoded.set(name, rows);
    return rows;
  }
}

/** Place of the first row newer than the time. */
function above(rows: HistoryRows, time: number): number {
  let low = 0;
  let high = rows.n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows.times[middle] > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

function showAfter(rows: HistoryRows | null, seek: Seeker): void {
  if (rows === null) return;
  for (let row = above(rows, seek.time); row < rows.n; row++) {
    if (seek.hasSuccessors(rows.times[row])) return;
    showRow(rows, row, seek);
  }
}

function showBefore(rows: HistoryRows | null, seek: Seeker): void {
  if (rows === null) return;
  for (let row = above(rows, seek.time) - 1; row >= 0; row--) {
    if (seek.hasPredecessors(rows.times[row])) return;
    showRow(rows, row, seek);
  }
}

function showRow(rows: HistoryRows, row: number, seek: Seeker): void {
  seek.show(rows.times[row], rows.ids[row], rows.contents[row], rows.tuples[row]);
  for (let counter = 0; counter < rows.counters; counter++)
    seek.showValue(counter, rows.values[counter][row]);
}
