import { bytesOf, compareSlices, type Slice } from '../../contract/measures/slice.ts';
import type { EntryCursor } from '../../engine/run-store.ts';
import type { Block } from './block.ts';
import type { Run } from './run.ts';

type Load = (run: Run, number: number) => Block;

/** Goes through one run in key order. */
class RunCursor {
  readonly #run: Run;
  readonly #load: Load;
  #block: Block;
  #number = 0;
  #entry = 0;
  readonly key: Slice;
  readonly value: Slice;

  constructor(run: Run, load: Load) {
    this.#run = run;
    this.#load = load;
    this.#block = load(run, 0);
    const { bytes } = this.#block;
    this.key = { bytes, from: 0, to: 0 };
    this.value = { bytes, from: 0, to: 0 };
    this.#show();
  }

  /** False at the end. */
  advance(): boolean {
    this.#entry++;
    if (this.#entry === this.#block.count) {
      this.#number++;
      if (this.#number >= this.#run.blocks) return false;
      this.#block = this.#load(this.#run, this.#number);
      this.key.bytes = this.#block.bytes;
      this.value.bytes = this.#block.bytes;
      this.#entry = 0;
    }
    this.#show();
    return true;
  }

  #show(): void {
    const { spans } = this.#block;
    const at = this.#entry * 3;
    this.key.from = spans[at];
    this.key.to = spans[at + 1];
    this.value.from = spans[at + 1];
    this.value.to = spans[at + 2];
  }
}

/**
 * Several runs as one, in key order: `next()`, then `key` and `values`, oldest run first. Runs of a period are few
 * (the store folds them), so the least key is found by looking at all of them.
 */
export class MergeCursor implements EntryCursor {
  readonly #cursors: RunCursor[];
  /** Those that stand at the key, oldest run first. */
  #shown: RunCursor[] = [];
  key: Slice = { bytes: new Uint8Array(0), from: 0, to: 0 };
  readonly values: Slice[] = [];

  constructor(runs: readonly Run[], load: Load) {
    this.#cursors = runs.map((run) => new RunCursor(run, load));
  }

  /** HOT */
  next(): boolean {
    const cursors = this.#cursors;
    const shown = this.#shown;
    for (let at = 0; at < shown.length; at++)
      if (!shown[at].advance()) cursors.splice(cursors.indexOf(shown[at]), 1);
    shown.length = 0;
    this.values.length = 0;
    if (cursors.length === 0) return false;
    let key = cursors[0].key;
    for (let at = 0; at < cursors.length; at++) {
      const order = at === 0 ? 0 : compareSlices(cursors[at].key, key);
      if (order > 0) continue;
      if (order < 0) shown.length = 0;
      shown.push(cursors[at]);
      key = shown[0].key;
    }
    for (let at = 0; at < shown.length; at++) this.values.push(shown[at].value);
    this.key = key;
    return true;
  }

  /** For who keeps the entry. */
  entry(): { key: Uint8Array; values: Uint8Array[] } {
    return { key: bytesOf(this.key), values: this.values.map(bytesOf) };
  }
}
