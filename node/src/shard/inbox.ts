/** Entries that were taken are let go so many at a time, since each time moves the rest. */
const KEPT_ENTRIES = 16;

/**
 * Work that waits for a shard's thread, done in steps. Some steps are made a turn of the event loop, so that questions,
 * which come over other ports, are answered between two steps and not after all of them.
 */
export class Inbox<T> {
  #entries: T[] = [];
  #head = 0;
  /** Of the entry at the head, when it was begun. */
  #steps: Iterator<void> | null = null;
  readonly #urgent: Iterator<void>[] = [];
  #scheduled = false;
  #held = false;
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

  /** Whether steps wait that come first. */
  get urgent(): boolean {
    return this.#urgent.length > 0;
  }

  get held(): boolean {
    return this.#held;
  }

  /** While they are held entries wait; steps that come first are made. */
  hold(held: boolean): void {
    this.#held = held;
    if (this.#busy) this.#schedule();
  }

  /** In their order, the one that was begun among them. */
  waiting(): T[] {
    return this.#entries.slice(this.#head);
  }

  /** Steps that come before those of the entries. */
  first(steps: Iterator<void>): void {
    this.#urgent.push(steps);
    this.#schedule();
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
    while (this.#busy) {
      this.#step();
      if (performance.now() >= until) break;
    }
    if (this.size === 0) {
      this.#entries = [];
      this.#head = 0;
    }
    if (this.#busy) this.#schedule();
  }

  get #busy(): boolean {
    return this.#urgent.length > 0 || (this.size > 0 && !this.#held);
  }

  #step(): void {
    if (this.#urgent.length > 0) {
      if (this.#urgent[0].next().done) this.#urgent.shift();
      return;
    }
    this.#steps ??= this.#apply(this.#entries[this.#head]);
    if (!this.#steps.next().done) return;
    this.#steps = null;
    this.#head++;
    // Under a load that never lets it run empty, what was taken would be kept.
    if (this.#head >= KEPT_ENTRIES) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
