import type { StreamSpec } from '../site/model.ts';
import { ByteDictionary } from './byte-dictionary.ts';
import type { StreamLayout } from './section.ts';

/** A text dictionary lives on over groups, so that `NY` is decoded once, until it holds more than this. */
const TEXTS_KEPT = 4096;
const TEXT_BYTES_KEPT = 64 * 1024;
const LEAST_ROWS = 64;

/** One field of the stream while a group is under way. */
export class BatchColumn {
  /** Scaled integers with NaN for absent, or for text 1 + the entry of the dictionary with 0 for absent. */
  values: Float64Array;
  readonly absent: number;
  dictionary: ByteDictionary | null;
  /** Entries of the dictionary as strings, filled when first needed. */
  texts: string[] = [];

  constructor(text: boolean, capacity: number) {
    this.absent = text ? 0 : Number.NaN;
    this.dictionary = text ? new ByteDictionary() : null;
    this.values = new Float64Array(capacity);
  }

  restart(capacity: number): void {
    this.values = new Float64Array(capacity);
    if (this.dictionary === null) return;
    if (this.dictionary.size <= TEXTS_KEPT && this.dictionary.byteLength <= TEXT_BYTES_KEPT) return;
    this.dictionary = new ByteDictionary();
    this.texts = [];
  }
}

/**
 * The readings of one stream in the order in which they came, in columns. A row becomes part of it when `rows` moves
 * past it, so a payload that turns out to be broken is taken back by not moving it. Bounded by its group.
 */
export class Batch {
  readonly layout: StreamLayout;
  readonly columns: BatchColumn[];
  keys = new ByteDictionary();
  rows = 0;
  times: Float64Array;
  keyIds: Uint32Array;

  constructor(stream: StreamSpec, capacity = LEAST_ROWS) {
    this.layout = {
      stream: stream.name,
      fields: stream.fields.map((field) => ({
        name: field.name,
        kind: field.type === 'text' ? 'text' : 'number',
        decimals: field.type === 'text' || field.type === 'bool' ? 0 : field.decimals,
      })),
    };
    this.columns = this.layout.fields.map((field) => new BatchColumn(field.kind === 'text', capacity));
    this.times = new Float64Array(capacity);
    this.keyIds = new Uint32Array(capacity);
  }

  /** Of keys and texts, which a reading may bring any number of. */
  get dictionaryBytes(): number {
    let bytes = this.keys.byteLength;
    for (const { dictionary } of this.columns) if (dictionary !== null) bytes += dictionary.byteLength;
    return bytes;
  }

  /** Makes room for one more row. */
  reserve(row: number): void {
    if (row < this.times.length) return;
    const capacity = this.times.length * 2;
    this.times = widened(this.times, new Float64Array(capacity));
    this.keyIds = widened(this.keyIds, new Uint32Array(capacity));
    for (const column of this.columns) column.values = widened(column.values, new Float64Array(capacity));
  }

  /**
   * Begins the next group with arrays of its own: those of the group before belong to its record now. They are made
   * as large as that group was, since the next one most likely is, too.
   */
  restart(): void {
    if (this.rows === 0 && this.keys.size === 0) return;
    const capacity = Math.max(LEAST_ROWS, Math.ceil(this.rows * 1.25));
    this.times = new Float64Array(capacity);
    this.keyIds = new Uint32Array(capacity);
    this.keys = this.keys.successor();
    for (const column of this.columns) column.restart(capacity);
    this.rows = 0;
  }
}

function widened<T extends Float64Array | Uint32Array>(old: T, bigger: T): T {
  bigger.set(old);
  return bigger;
}
