/** Readings a second over the last few seconds: what a status line shows. */
export class RateMeter {
  readonly #now: () => number;
  readonly #spanMs: number;
  #marks: { at: number; total: number }[] = [];
  #total = 0;

  constructor(now: () => number = () => performance.now(), spanMs = 5_000) {
    this.#now = now;
    this.#spanMs = spanMs;
    this.#marks.push({ at: now(), total: 0 });
  }

  add(readings: number): void {
    this.#total += readings;
    this.#mark();
  }

  perSecond(): number {
    this.#mark();
    const first = this.#marks[0];
    const seconds = (this.#now() - first.at) / 1000;
    return seconds <= 0 ? 0 : (this.#total - first.total) / seconds;
  }

  get total(): number {
    return this.#total;
  }

  /** At most ten marks a span are kept. */
  #mark(): void {
    const at = this.#now();
    const newest = this.#marks[this.#marks.length - 1];
    if (at - newest.at < this.#spanMs / 10) return;
    this.#marks.push({ at, total: this.#total });
    while (this.#marks.length > 1 && at - this.#marks[1].at >= this.#spanMs) this.#marks.shift();
  }
}
