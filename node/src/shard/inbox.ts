/**
 * Work that waits for a shard's thread, done in steps. Some steps are made a turn of the event loop, so that questions,
 * which come over other ports, are answered between two steps and not after all of them.
 */
export class Inbox<T> {
  #entries: T[] = [];
  #head = 0;
  /** Of the entry at the head, when it was begun. */
  #steps: Iterator<void> | null = null;
  #scheduled = false;
  readonly #apply: (entry: T) => Iterator<void>;
  readonly #budgetMs: number;

  /** Steps are made until the budget is spent, at least one a turn. */
  constructor(apply: (entry: T) => Iterator<void>, budgetMs = 2) {
    this.#apply = apply;
    this.#budgetMs = budgetMs;
  }

  /** With the one that was begun. */
  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** The oldest ones, in their order, the one that was begun among them. */
  oldest(most: number): T[] {
    return this.#entries.slice(this.#head, this.#head + most);
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
      this.#steps ??= this.#apply(this.#entries[this.#head]);
      if (this.#steps.next().done) {
        this.#steps = null;
        this.#head++;
      }
    } while (this.size > 0 && performance.now() < until);
    if (this.size === 0) {
      this.#entries = [];
      this.#head = 0;
    } else this.#schedule();
  }
}
