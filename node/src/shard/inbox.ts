/**
 * Work that waits for a shard's thread. One entry is applied a turn of the event loop, so that questions, which
 * come over other ports, are answered between two records and not after all of them.
 */
export class Inbox<T> {
  #entries: T[] = [];
  #head = 0;
  #scheduled = false;
  readonly #apply: (entry: T) => void;
  readonly #budgetMs: number;

  /** Entries are applied until the budget is spent, at least one a turn. */
  constructor(apply: (entry: T) => void, budgetMs = 2) {
    this.#apply = apply;
    this.#budgetMs = budgetMs;
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  push(entry: T): void {
    this.#entries.push(entry);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const until = performance.now() + this.#budgetMs;
    do {
      const entry = this.#entries[this.#head++];
      this.#apply(entry);
    } while (this.size > 0 && performance.now() < until);
    if (this.size === 0) {
      this.#entries = [];
      this.#head = 0;
    } else this.#schedule();
  }
}
