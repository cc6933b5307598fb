import assert from 'node:assert/strict';
import { compareBytes } from '../../contract/measures/entry-key.ts';
import { BlockBuilder } from './block.ts';
import { BLOCKS_MAX, blockKey, INDEX_BLOCK } from './keys.ts';
import type { WriteOp } from './level-handle.ts';
import type { Run } from './run.ts';
import { seal } from './sealed.ts';

/** Where writers of runs leave what waits for the disk. */
export interface WriteSink {
  ops: WriteOp[];
  bytes: number;
}

export interface NewRun {
  run: Run;
  /** The entries of a run that is too small for blocks of its own. */
  inline: Uint8Array | null;
}

/** A run of one group and a few buckets stays one LevelDB entry: its block stands in the manifest's value. */
export const INLINE_BYTES = 1024;
const FIRST_CAPACITY = 512;

/** Writes the entries of one run, which come in key order, as blocks and their index. */
export class RunWriter {
  readonly #blocks: BlockBuilder;
  #index: BlockBuilder | null = null;
  #lastKey: Buffer | null = null;
  #firstKey: Buffer | null = null;
  #written = 0;
  #entries = 0;
  #bytes = 0;
  readonly #sink: WriteSink;
  readonly #blockBytes: number;
  readonly #about: Pick<Run, 'id' | 'shard' | 'table' | 'tableId' | 'period'>;

  constructor(
    about: Pick<Run, 'id' | 'shard' | 'table' | 'tableId' | 'period'>,
    blockBytes: number,
    sink: WriteSink,
  ) {
    this.#about = about;
    this.#blockBytes = blockBytes;
    this.#sink = sink;
    this.#blocks = new BlockBuilder(FIRST_CAPACITY);
  }

  get id(): number {
    return this.#about.id;
  }

  get period(): number {
    return this.#about.period;
  }

  get table(): string {
    return this.#about.table;
  }

  /** HOT */
  add(key: Uint8Array, value: Uint8Array): void {
    const blocks = this.#blocks;
    if (blocks.count === 0) this.#begin(key);
    else assert(blocks.follows(key), 'Keys of a run come strictly ascending.');
    blocks.add(key, value);
    if (blocks.length >= this.#blockBytes) this.#cut();
  }

  finish(order: number): NewRun {
    const inline = this.#written === 0 && this.#blocks.length <= INLINE_BYTES;
    let small: Buffer | null = null;
    if (inline) {
      this.#entries = this.#blocks.count;
      small = this.#blocks.take();
      this.#bytes = small.length;
    } else {
      if (this.#blocks.count > 0) this.#cut();
      if (this.#written > 1) this.#writeIndex();
    }
    const run: Run = {
      ...this.#about,
      order,
      entries: this.#entries,
      blocks: this.#written,
      bytes: this.#bytes,
      pinned: null,
    };
    return { run, inline: small };
  }

  /** Blocks that were handed over: what is to be cleared when the run is given up. */
  get written(): number {
    return this.#written;
  }

  #begin(key: Uint8Array): void {
    const last = this.#lastKey;
    assert(last === null || compareBytes(last, key) < 0, 'Keys of a run come strictly ascending.');
    this.#firstKey = Buffer.from(key);
  }

  #cut(): void {
    assert(this.#written < BLOCKS_MAX, 'A run has a bounded number of blocks.');
    this.#index ??= new BlockBuilder(FIRST_CAPACITY);
    this.#index.add(this.#firstKey!, EMPTY);
    this.#lastKey = this.#blocks.lastKey();
    this.#entries += this.#blocks.count;
    this.#hand(this.#written, this.#blocks.take());
    this.#written++;
  }

  #writeIndex(): void {
    this.#index!.add(this.#lastKey!, EMPTY);
    this.#hand(INDEX_BLOCK, this.#index!.take());
  }

  #hand(number: number, payload: Buffer): void {
    const key = blockKey(this.#about.id, number);
    const value = seal(key, payload);
    this.#sink.ops.push({ type: 'put', key, value });
    this.#sink.bytes += value.length;
    this.#bytes += value.length;
  }
}

const EMPTY = new Uint8Array(0);
