import type { Timers } from '../../node/src/broker/timers.ts';

interface Timer {
  atMs: number;
  everyMs: number | null;
  run: () => void;
}

/** Time that stands until it is moved, and timers that fire one at a time, when told. */
export class VirtualTime implements Timers {
  #nowMs = 0;
  #timers: Timer[] = [];
  #soon: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    return this.#add({ atMs: this.#nowMs + ms, everyMs: null, run });
  }

  every(ms: number, run: () => void): () => void {
    return this.#add({ atMs: this.#nowMs + ms, everyMs: ms, run });
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  #add(timer: Timer): () => void {
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** How many things may happen now. */
  get due(): number {
    let due = this.#soon.length;
    for (const timer of this.#timers) if (timer.atMs <= this.#nowMs) due++;
    return due;
  }

  /** When the next timer fires; Infinity when there is none. */
  get nextMs(): number {
    return this.#timers.reduce((least, timer) => Math.min(least, timer.atMs), Number.POSITIVE_INFINITY);
  }

  /** What is to happen soon before what is due, and what is due first before the rest. */
  fire(): void {
    const soon = this.#soon.shift();
    if (soon !== undefined) {
      soon();
      return;
    }
    const first = this.#timers.reduce((a, b) => (b.atMs < a.atMs ? b : a));
    if (first.everyMs === null) this.#timers = this.#timers.filter((one) => one !== first);
    // As a real interval does: what was missed while nothing ran is not made up for.
    else first.atMs = Math.max(first.atMs + first.everyMs, this.#nowMs + 1);
    first.run();
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  /** The process is gone, and its timers with it. */
  forget(): void {
    this.#timers = [];
    this.#soon = [];
  }
}
