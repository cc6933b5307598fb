/** Whom history is shown to, from newer to older or the other way round. */
export interface Seeker {
  readonly time: number;
  /** Readings with a value that it needs on either side. */
  readonly wanted: number;
  /** Own values of what history keeps; NaN where none is sought. */
  readonly values: Float64Array;
  show(time: number, id: number, content: number, tuple: number): void;
  /** A value of the reading shown last; NaN when it has none. */
  showValue(kept: number, value: number): void;
  hasPredecessors(time: number): boolean;
  hasSuccessors(time: number): boolean;
}

/**
 * What history knows around one reading: whether the reading is there already, and for each counter the reading before
 * and the one after. The order of a counter is by time, value and id, so that readings of one instant have the same
 * neighbours whichever came first. History is shown to it reading by reading; readings before `horizon` are ignored,
 * since whether they are still kept is no matter of the log.
 */
export class Neighbours implements Seeker {
  time = 0;
  readonly wanted = 1;
  id = 0;
  content = 0;
  horizon = Number.NEGATIVE_INFINITY;
  readonly values: Float64Array;
  /** The same reading was counted. */
  duplicate = false;
  /** Another one of the same id was counted. */
  conflict = false;
  readonly #counters: number;
  readonly #contentIsId: boolean;
  readonly beforeT: Float64Array;
  readonly beforeV: Float64Array;
  readonly #beforeId: Float64Array;
  readonly afterT: Float64Array;
  readonly afterV: Float64Array;
  readonly #afterId: Float64Array;
  readonly afterTuple: Uint32Array;
  #shownT = 0;
  #shownId = 0;
  #shownTuple = 0;

  constructor(counters: number, contentIsId: boolean) {
    this.#counters = counters;
    this.#contentIsId = contentIsId;
    this.values = new Float64Array(counters);
    this.beforeT = new Float64Array(counters);
    this.beforeV = new Float64Array(counters);
    this.#beforeId = new Float64Array(counters);
    this.afterT = new Float64Array(counters);
    this.afterV = new Float64Array(counters);
    this.#afterId = new Float64Array(counters);
    this.afterTuple = new Uint32Array(counters);
  }

  seek(time: number, id: number, content: number, horizon: number): void {
    this.time = time;
    this.id = id;
    this.content = content;
    this.horizon = horizon;
    this.duplicate = false;
    this.conflict = false;
    this.beforeT.fill(Number.NaN);
    this.afterT.fill(Number.NaN);
  }

  show(time: number, id: number, content: number, tuple: number): void {
    this.#shownT = time;
    this.#shownId = id;
    this.#shownTuple = tuple;
    if (time !== this.time || id !== this.id) return;
    if (content === this.content) this.duplicate = true;
    else if (!this.#contentIsId) this.conflict = true;
  }

  /** A value of the reading shown last; NaN when it has none. */
  showValue(counter: number, value: number): void {
    const own = this.values[counter];
    if (Number.isNaN(value) || Number.isNaN(own) || this.#shownT < this.horizon) return;
    const order = this.#shownT - this.time || value - own || this.#shownId - this.id;
    if (order < 0) this.#takeBefore(counter, value);
    else this.#takeAfter(counter, value);
  }

  #takeBefore(counter: number, value: number): void {
    const best = this.beforeT[counter];
    const order =
      this.#shownT - best || value - this.beforeV[counter] || this.#shownId - this.#beforeId[counter];
    if (!Number.isNaN(best) && order <= 0) return;
    this.beforeT[counter] = this.#shownT;
    this.beforeV[counter] = value;
    this.#beforeId[counter] = this.#shownId;
  }

  #takeAfter(counter: number, value: number): void {
    const best = this.afterT[counter];
    const order =
      this.#shownT - best || value - this.afterV[counter] || this.#shownId - this.#afterId[counter];
    if (!Number.isNaN(best) && order >= 0) return;
    this.afterT[counter] = this.#shownT;
    this.afterV[counter] = value;
    this.#afterId[counter] = this.#shownId;
    this.afterTuple[counter] = this.#shownTuple;
  }

  /** Whether readings at this time or older can no longer change what is known. */
  hasPredecessors(time: number): boolean {
    if (time >= this.time) return false;
    for (let counter = 0; counter < this.#counters; counter++) {
      const own = this.values[counter];
      if (!Number.isNaN(own) && !(this.beforeT[counter] > time)) return false;
    }
    return true;
  }

  /** Whether readings at this time or newer can no longer change what is known. */
  hasSuccessors(time: number): boolean {
    for (let counter = 0; counter < this.#counters; counter++) {
      const own = this.values[counter];
      if (!Number.isNaN(own) && !(this.afterT[counter] < time)) return false;
    }
    return true;
  }
}
