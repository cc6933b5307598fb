import type { ChainRow } from './judgement.ts';
import type { Seeker } from './neighbours.ts';

/**
 * The readings of one register around a place in its chain: the one before and up to `wanted` after. History is shown to
 * it reading by reading. Holds those rows alone.
 */
export class ChainWindow implements Seeker {
  time = 0;
  wanted = 0;
  /** NaN for every register but the one that is sought. */
  readonly values: Float64Array;
  before: ChainRow | null = null;
  /** Nearest first. */
  readonly after: ChainRow[] = [];
  #counter = 0;
  #boot = -1;
  #horizon = Number.NEGATIVE_INFINITY;
  #id = 0;
  #shown: ChainRow = emptyRow();
  #taken = false;

  constructor(kept: number) {
    this.values = new Float64Array(kept);
  }

  /** Around a reading of this time, value and id, which is not among the rows. */
  seek(
    place: { counter: number; boot: number; horizon: number; wanted: number },
    time: number,
    value: number,
    id: number,
  ): void {
    this.time = time;
    this.wanted = place.wanted;
    this.values.fill(Number.NaN);
    this.values[place.counter] = value;
    this.before = null;
    this.after.length = 0;
    this.#counter = place.counter;
    this.#boot = place.boot;
    this.#horizon = place.horizon;
    this.#id = id;
  }

  show(time: number, id: number, _content: number, tuple: number): void {
    this.#shown = { t: time, v: Number.NaN, id, tuple, boot: Number.NaN };
    this.#taken = false;
  }

  showValue(kept: number, value: number): void {
    if (this.#taken && kept === this.#boot) this.#shown.boot = value;
    if (kept !== this.#counter || Number.isNaN(value) || this.#shown.t < this.#horizon) return;
    this.#taken = true;
    const row = this.#shown;
    row.v = value;
    const order = row.t - this.time || value - this.values[this.#counter] || row.id - this.#id;
    if (order > 0) place(this.after, row, this.wanted);
    else if (order < 0 && (this.before === null || compareRows(row, this.before) > 0)) this.before = row;
  }

  hasPredecessors(time: number): boolean {
    return time < this.time && this.before !== null && this.before.t > time;
  }

  hasSuccessors(time: number): boolean {
    return this.after.length === this.wanted && this.after[this.wanted - 1].t < time;
  }
}

function emptyRow(): ChainRow {
  return { t: Number.NaN, v: Number.NaN, id: 0, tuple: 0, boot: Number.NaN };
}

/** Keeps the first rows in order. */
function place(rows: ChainRow[], row: ChainRow, wanted: number): void {
  let at = rows.length;
  while (at > 0 && compareRows(row, rows[at - 1]) < 0) at--;
  if (at >= wanted) return;
  rows.splice(at, 0, row);
  if (rows.length > wanted) rows.length = wanted;
}

function compareRows(a: ChainRow, b: ChainRow): number {
  return a.t - b.t || a.v - b.v || a.id - b.id;
}
