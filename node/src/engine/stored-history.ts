import { entryKeyHashed } from '../contract/measures/entry-key.ts';
import { decodeHistory, type HistoryRows, mergeHistory } from '../contract/measures/history-chunk.ts';
import { HISTORY_SPAN_MS, TABLES } from '../contract/measures/tables.ts';
import type { Neighbours } from './neighbours.ts';
import type { RunView } from './run-store.ts';

/** Decoded days of a key: a device that sends what it had stored asks for the same day again and again. */
const CACHED_DAYS = 32;

/** Where a key stands in the store. */
export interface StoredKey {
  key: number;
  name: Uint8Array;
  hash: number;
  /** Not before, and not after, its stored readings. */
  oldestMs: number;
  newestMs: number;
}

/** History that a checkpoint has moved to the store, by key and day. Holds a few decoded days. */
export class StoredHistory {
  readonly #table: string;
  readonly #days = new Map<string, HistoryRows | null>();

  constructor(stream: string) {
    this.#table = TABLES.history(stream);
  }

  /** To be called when the store has changed. */
  forget(): void {
    this.#days.clear();
  }

  /** Shows the stored readings around the sought time, day by day, until there is enough. */
  probe(view: RunView, where: StoredKey, seek: Neighbours): void {
    const day = Math.floor(seek.time / HISTORY_SPAN_MS);
    const last = Math.floor(where.newestMs / HISTORY_SPAN_MS);
    const first = Math.floor(Math.max(where.oldestMs, seek.horizon) / HISTORY_SPAN_MS);
    if (day <= last) {
      const rows = this.#rows(view, where, day);
      showAfter(rows, seek);
      showBefore(rows, seek);
    }
    for (let later = day + 1; later <= last && !seek.hasSuccessors(later * HISTORY_SPAN_MS); later++)
      showAfter(this.#rows(view, where, later), seek);
    const dayMs = HISTORY_SPAN_MS;
    for (
      let earlier = Math.min(day - 1, last);
      earlier >= first && !seek.hasPredecessors((earlier + 1) * dayMs - 1);
      earlier--
    )
      showBefore(this.#rows(view, where, earlier), seek);
  }

  #rows(view: RunView, where: StoredKey, day: number): HistoryRows | null {
    const name = `${where.key} ${day}`;
    const known = this.#days.get(name);
    if (known !== undefined) return known;
    const values = view.get(this.#table, day, entryKeyHashed(where.hash, where.name));
    const rows = values.length === 0 ? null : decodeHistory(mergeHistory(values));
    if (this.#days.size >= CACHED_DAYS)
      for (const oldest of this.#days.keys()) {
        this.#days.delete(oldest);
        break;
      }
    this.#days.set(name, rows);
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

function showAfter(rows: HistoryRows | null, seek: Neighbours): void {
  if (rows === null) return;
  for (let row = above(rows, seek.time); row < rows.n; row++) {
    if (seek.hasSuccessors(rows.times[row])) return;
    showRow(rows, row, seek);
  }
}

function showBefore(rows: HistoryRows | null, seek: Neighbours): void {
  if (rows === null) return;
  for (let row = above(rows, seek.time) - 1; row >= 0; row--) {
    if (seek.hasPredecessors(rows.times[row])) return;
    showRow(rows, row, seek);
  }
}

function showRow(rows: HistoryRows, row: number, seek: Neighbours): void {
  seek.show(rows.times[row], rows.ids[row], rows.contents[row], rows.tuples[row]);
  for (let counter = 0; counter < rows.counters; counter++)
    seek.showValue(counter, rows.values[counter][row]);
}
