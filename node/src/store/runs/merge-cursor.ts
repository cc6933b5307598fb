import { compareBytes } from '../../contract/measures/entry-key.ts';
import { type Block, keyAt, valueAt } from './block.ts';
import type { Run } from './run.ts';

type Load = (run: Run, number: number) => Block;

/** Goes through one run in key order. */
class RunCursor {
  readonly #run: Run;
  readonly #load: Load;
  #block: Block;
  #number = 0;
  #entry = 0;
  key: Uint8Array;

  constructor(run: Run, load: Load) {
    this.#run = run;
    this.#load = load;
    this.#block = load(run, 0);
    this.key = keyAt(this.#block, 0);
  }

  get value(): Uint8Array {
    return valueAt(this.#block, this.#entry);
  }

  /** False at the end. */
  advance(): boolean {
    this.#entry++;
    if (this.#entry === this.#block.count) {
      this.#number++;
      if (this.#number >= this.#run.blocks) return false;
      this.#block = this.#load(this.#run, this.#number);
      this.#entry = 0;
    }
    this.key = keyAt(this.#block, this.#entry);
    return true;
  }
}

/**
 * Several runs as one, in key order: `next()`, then `key` and `values`, oldest run first. Runs of a period are few
 * (the store folds them), so the least key is found by looking at all of them.
 */
export class MergeCursor {
  readonly #cursors: RunCursor[];
  key: Uint8Array = new Uint8Array(0);
  values: Uint8Array[] = [];

  constructor(runs: readonly Run[], load: Load) {
    this.#cursors = runs.map((run) => new RunCursor(run, load));
  }

  /** HOT */
  next(): boolean {
    const cursors = this.#cursors;
    if (cursors.length === 0) return false;
    let least = cursors[0].key;
    for (let at = 1; at < cursors.length; at++)
      if (compareBytes(cursors[at].key, least) < 0) least = cursors[at].key;
    const values: Uint8Array[] = [];
    for (let at = 0; at < cursors.length; at++) {
      const cursor = cursors[at];
      if (cursor.key !== least && compareBytes(cursor.key, least) !== 0) continue;
      values.push(cursor.value);
      if (!cursor.advance()) cursors.splice(at--, 1);
    }
    this.key = least;
    this.values = values;
    return true;
  }
}
