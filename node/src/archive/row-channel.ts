import type { Row } from './row.ts';

/** Rows handed from one who makes them to one who writes them: a batch at a time, so that neither runs ahead. */
export class RowChannel {
  #rows: Row[] = [];
  #taken: (() => void) | null = null;
  #given: (() => void) | null = null;
  #ended = false;

  /** Resolves when all of them are taken. Never, when nobody reads any more: whoever waits watches the reader too. */
  async push(rows: Row[]): Promise<void> {
    if (rows.length === 0) return;
    this.#rows = rows;
    const taken = new Promise<void>((resolve) => {
      this.#taken = resolve;
    });
    this.#given?.();
    await taken;
  }

  end(): void {
    this.#ended = true;
    this.#given?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    for (;;) {
      const rows = this.#rows;
      this.#rows = [];
      if (rows.length > 0) {
        yield* rows;
        this.#taken?.();
      } else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#given = resolve;
          // What was given while this was on its way here is there already.
          if (this.#rows.length > 0 || this.#ended) resolve();
        });
    }
  }
}
