import type { Column, Section, StreamLayout, TextColumn } from '../contract/reading/section.ts';
import type { StreamSpec } from '../contract/site/model.ts';
import type { Dimensions } from './dimensions.ts';

/**
 * A section's columns as the stream's spec orders them, whatever layout its record had: a site file may have been
 * edited since. What the layout lacks is absent; what was scaled otherwise is scaled again.
 */
export class SectionColumns {
  readonly #spec: StreamSpec;
  readonly #fields: Map<string, number>;
  /** By field of the spec; null where the section has none. */
  readonly columns: (Column | null)[];

  constructor(spec: StreamSpec) {
    this.#spec = spec;
    this.#fields = new Map(spec.fields.map((field, at) => [field.name, at]));
    this.columns = spec.fields.map(() => null);
  }

  take(section: Section, layout: StreamLayout): void {
    this.columns.fill(null);
    for (let at = 0; at < layout.fields.length; at++) {
      const field = this.#fields.get(layout.fields[at].name);
      if (field === undefined) continue;
      this.columns[field] = rescaled(
        section.columns[at],
        this.#spec.fields[field].decimals - layout.fields[at].decimals,
      );
    }
  }

  /** Numbers of a field; an empty array reads as undefined, so `absent` stands in where there are none. */
  numbers(field: number, absent: Float64Array): Float64Array {
    const column = this.columns[field];
    return column !== null && column.kind === 'number' ? column.values : absent;
  }
}

function rescaled(column: Column, decimals: number): Column {
  if (column.kind !== 'number' || decimals === 0) return column;
  const scale = 10 ** Math.abs(decimals);
  return {
    kind: 'number',
    values: column.values.map((value) => (decimals > 0 ? value * scale : Math.round(value / scale))),
  };
}

/** Text ids of one dimension for the rows of a section. */
export class DimensionColumn {
  #column: Column | null = null;
  #ids = new Uint32Array(0);
  readonly #scale: number;

  constructor(decimals: number) {
    this.#scale = 10 ** decimals;
  }

  take(column: Column | null, dimensions: Dimensions): void {
    this.#column = column;
    if (column === null || column.kind === 'number') return;
    const words = column.dictionary;
    if (this.#ids.length <= words.length) this.#ids = new Uint32Array(words.length * 2 + 2);
    this.#ids[0] = 0;
    for (let at = 0; at < words.length; at++) this.#ids[at + 1] = dimensions.textId(words[at]);
  }

  /** HOT */
  idOf(row: number, dimensions: Dimensions): number {
    const column = this.#column;
    if (column === null) return 0;
    if (column.kind === 'text') return this.#ids[column.index[row]];
    const value = column.values[row];
    return !Number.isNaN(value) ? dimensions.textId(String(value / this.#scale)) : 0;
  }
}

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);

/** Mixes the content of a block of rows into `hashes`, column by column. HOT */
export function hashColumn(column: Column | null, from: number, n: number, hashes: Uint32Array): void {
  if (column === null) {
    for (let i = 0; i < n; i++) hashes[i] = mix(hashes[i], 0x9e3779b9);
    return;
  }
  if (column.kind === 'text') {
    const texts = textHashes(column.dictionary);
    for (let i = 0; i < n; i++) hashes[i] = mix(hashes[i], texts[column.index[from + i]]);
    return;
  }
  const values = column.values;
  for (let i = 0; i < n; i++) {
    const value = values[from + i];
    if (Number.isNaN(value)) hashes[i] = mix(hashes[i], 0x9e3779b9);
    else if (value === (value | 0)) hashes[i] = mix(hashes[i], value | 0);
    else {
      bits[0] = value;
      hashes[i] = mix(mix(hashes[i], words[0]), words[1]);
    }
  }
}

/** HOT */
function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return Math.imul(mixed, 0xc2b2ae35) ^ (mixed >>> 13);
}

/** Texts as numbers that are the same where the texts are; NaN stands for an absent one. */
export function numberedTexts(column: TextColumn): Float64Array {
  const hashes = textHashes(column.dictionary);
  return Float64Array.from(column.index, (entry) => (entry === 0 ? Number.NaN : hashes[entry]));
}

let hashedDictionary: string[] | null = null;
let hashedTexts = new Uint32Array(0);

function textHashes(dictionary: string[]): Uint32Array {
  if (dictionary === hashedDictionary) return hashedTexts;
  hashedTexts = new Uint32Array(dictionary.length + 1);
  hashedTexts[0] = 0x9e3779b9;
  for (let at = 0; at < dictionary.length; at++) {
    let hash = 0x811c9dc5;
    const text = dictionary[at];
    for (let more = 0; more < text.length; more++) hash = Math.imul(hash ^ text.charCodeAt(more), 0x01000193);
    hashedTexts[at + 1] = hash;
  }
  hashedDictionary = dictionary;
  return hashedTexts;
}
