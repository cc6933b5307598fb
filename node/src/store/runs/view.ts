import { WeirError } from '../../contract/index.ts';
import type { StoredView } from '../../engine/run-store.ts';
import type { BlockSource } from './block-source.ts';
import { runsOf, type ShardRuns } from './manifest.ts';
import { MergeCursor } from './merge-cursor.ts';
import type { Run } from './run.ts';

/** Runs of more blocks than this are scanned past the cache, so that one scan does not empty it. */
const CACHED_SCAN_BLOCKS = 4;

/**
 * A view is the manifest as it was when it was taken. Runs never change, and the blocks of dropped ones stay until
 * every view is closed that could name them; so it needs no snapshot of LevelDB's, and it lives on when the handle
 * is opened again after a full disk.
 */
export class LevelRunView implements StoredView {
  readonly #runs: ShardRuns;
  readonly #source: BlockSource;
  readonly #onClose: () => void;
  #open = true;

  constructor(runs: ShardRuns, source: BlockSource, onClose: () => void) {
    this.#runs = runs;
    this.#source = source;
    this.#onClose = onClose;
  }

  get(table: string, period: number, key: Uint8Array): Uint8Array[] {
    this.#assertOpen();
    const values: Uint8Array[] = [];
    for (const run of runsOf(this.#runs, table, period)) {
      const value = this.#source.find(run, key);
      if (value !== null) values.push(value);
    }
    return values;
  }

  *scan(table: string, period: number): Generator<{ key: Uint8Array; values: Uint8Array[] }> {
    const cursor = this.entries(table, period);
    while (cursor.next()) {
      yield cursor.entry();
      this.#assertOpen();
    }
  }

  entries(table: string, period: number): MergeCursor {
    this.#assertOpen();
    return new MergeCursor(runsOf(this.#runs, table, period), this.#load);
  }

  periods(table: string, from: number, to: number): number[] {
    this.#assertOpen();
    const all = this.#runs.get(table)?.ascending ?? [];
    return all.filter((period) => period >= from && period <= to);
  }

  tables(): string[] {
    this.#assertOpen();
    return [...this.#runs.keys()].sort();
  }

  /** What the view reads of one period. */
  runs(table: string, period: number): readonly Run[] {
    return runsOf(this.#runs, table, period);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#onClose();
  }

  #load = (run: Run, number: number) => {
    this.#assertOpen();
    return run.blocks > CACHED_SCAN_BLOCKS
      ? this.#source.fresh(run, number)
      : this.#source.block(run, number);
  };

  #assertOpen(): void {
    if (!this.#open) throw new WeirError('WEIR_STORE_UNAVAILABLE', 'The view of the store is closed.');
  }
}
