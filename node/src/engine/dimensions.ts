import { encodeGroup, entryKeyHashed, nameHash } from '../contract/measures/entry-key.ts';
import type { KeyTable } from './key-table.ts';

/**
 * The dimensions of a stream's readings that are not its key. Texts are interned, and so is each combination: a tuple.
 * Tuples are numbered as the log brings them, which makes the numbers a function of the log; they are persisted, since
 * history names them. Holds what the log ever brought: the site file decides which fields are dimensions.
 */
export class Dimensions {
  readonly fields: string[];
  readonly texts: (string | null)[] = [null];
  readonly #textIds = new Map<string, number>();
  /** Text ids, `fields.length` a tuple. */
  readonly tuples: number[] = [];
  readonly #byText = new Map<string, number>();
  #count = 0;

  constructor(fields: string[]) {
    this.fields = fields;
    if (fields.length === 0) this.#count = 1;
  }

  get count(): number {
    return this.#count;
  }

  textId(text: string): number {
    const known = this.#textIds.get(text);
    if (known !== undefined) return known;
    this.texts.push(text);
    this.#textIds.set(text, this.texts.length - 1);
    return this.texts.length - 1;
  }

  /** Whether the tuple is made of these text ids. HOT */
  matches(tuple: number, ids: Uint32Array, at: number): boolean {
    const width = this.fields.length;
    const tuples = this.tuples;
    for (let dim = 0; dim < width; dim++) if (tuples[tuple * width + dim] !== ids[at + dim]) return false;
    return true;
  }

  /** Number of the tuple of these text ids, a new one when it never came. */
  tuple(ids: Uint32Array, at: number): number {
    const width = this.fields.length;
    let name = '';
    for (let dim = 0; dim < width; dim++) name += `${ids[at + dim]},`;
    const known = this.#byText.get(name);
    if (known !== undefined) return known;
    for (let dim = 0; dim < width; dim++) this.tuples.push(ids[at + dim]);
    this.#byText.set(name, this.#count);
    return this.#count++;
  }

  dims(tuple: number): (string | null)[] {
    const width = this.fields.length;
    return this.fields.map((_, dim) => this.texts[this.tuples[tuple * width + dim]]);
  }

  /** Takes a tuple from the store; they come in the order of their numbers. */
  restore(dims: (string | null)[]): void {
    const ids = Uint32Array.from(dims, (dim) => (dim === null ? 0 : this.textId(dim)));
    this.tuple(ids, 0);
  }
}

/** Of a tuple in the store, which so has them in the order of their numbers. */
export function tupleKey(tuple: number): Uint8Array {
  return Uint8Array.of(tuple >>> 24, tuple >>> 16, tuple >>> 8, tuple);
}

/** The groups of one group-by: how a reading finds its group, and what a group is called in the store. */
export interface Groups {
  /** One past the largest group. */
  readonly count: number;
  /** Group of a reading of the key with these dimensions. */
  groupOf(key: number, tuple: number): number;
  /** The same for a block of readings. HOT */
  groupsOf(keys: Uint32Array, tuples: Uint32Array, n: number, groups: Uint32Array): void;
  hash(group: number): number;
  /** As `encodeGroup` writes it. */
  name(group: number): Uint8Array;
  /** Key of the group's entries in the store. */
  entry(group: number): Uint8Array;
  /** Group of that name, or −1. */
  find(name: Uint8Array): number;
}

/** `[key]`: the groups are the keys. */
export class KeyGroups implements Groups {
  readonly #keys: KeyTable;

  constructor(keys: KeyTable) {
    this.#keys = keys;
  }

  get count(): number {
    return this.#keys.count;
  }

  groupOf(key: number): number {
    return key;
  }

  groupsOf(keys: Uint32Array, _tuples: Uint32Array, n: number, groups: Uint32Array): void {
    for (let i = 0; i < n; i++) groups[i] = keys[i];
  }

  hash(group: number): number {
    return this.#keys.hash(group);
  }

  name(group: number): Uint8Array {
    const key = this.#keys.name(group);
    const name = new Uint8Array(key.length + 2);
    name[0] = (key.length + 1) >> 8;
    name[1] = key.length + 1;
    name.set(key, 2);
    return name;
  }

  /** Made in one piece: a checkpoint asks for it by the million. */
  entry(group: number): Uint8Array {
    return this.#keys.entry(group);
  }

  find(name: Uint8Array): number {
    return name.length < 2 ? -1 : this.#keys.find(name, 2, name.length, nameHash(name));
  }
}

const decoder = new TextDecoder();

/** Any other group-by: the reading's tuple tells the group, together with the key where it is one of the fields. */
export class TupleGroups implements Groups {
  readonly #dimensions: Dimensions;
  readonly #keys: KeyTable;
  /** Place of each field in the tuple; −1 stands for the key. */
  readonly #places: number[];
  readonly #withKey: boolean;
  readonly #byTuple: number[] = [];
  readonly #byKeyAndTuple = new Map<number, number>();
  readonly #byName = new Map<string, number>();
  readonly #names: Uint8Array[] = [];
  readonly #hashes: number[] = [];

  constructor(by: string[], keyField: string, dimensions: Dimensions, keys: KeyTable) {
    this.#dimensions = dimensions;
    this.#keys = keys;
    this.#places = by.map((field) => (field === keyField ? -1 : dimensions.fields.indexOf(field)));
    this.#withKey = by.includes(keyField);
  }

  get count(): number {
    return this.#names.length;
  }

  groupOf(key: number, tuple: number): number {
    if (this.#withKey) {
      const both = key * 2 ** 22 + tuple;
      let group = this.#byKeyAndTuple.get(both);
      if (group === undefined) {
        group = this.#intern(key, tuple);
        this.#byKeyAndTuple.set(both, group);
      }
      return group;
    }
    const known = this.#byTuple[tuple];
    if (known !== undefined) return known;
    // Filled without holes: an array with holes is a slow one.
    while (this.#byTuple.length <= tuple) this.#byTuple.push(this.#intern(key, this.#byTuple.length));
    return this.#byTuple[tuple];
  }

  groupsOf(keys: Uint32Array, tuples: Uint32Array, n: number, groups: Uint32Array): void {
    if (this.#withKey) {
      for (let i = 0; i < n; i++) groups[i] = this.groupOf(keys[i], tuples[i]);
      return;
    }
    const last = this.#dimensions.count - 1;
    if (this.#byTuple.length <= last) this.groupOf(keys[0], last);
    const byTuple = this.#byTuple;
    for (let i = 0; i < n; i++) groups[i] = byTuple[tuples[i]];
  }

  hash(group: number): number {
    return this.#hashes[group];
  }

  name(group: number): Uint8Array {
    return this.#names[group];
  }

  entry(group: number): Uint8Array {
    return entryKeyHashed(this.#hashes[group], this.#names[group]);
  }

  find(name: Uint8Array): number {
    return this.#byName.get(latin(name)) ?? -1;
  }

  #intern(key: number, tuple: number): number {
    const dims = this.#dimensions.dims(tuple);
    const name = encodeGroup(
      this.#places.map((place) => (place < 0 ? decoder.decode(this.#keys.name(key)) : dims[place])),
    );
    const text = latin(name);
    const known = this.#byName.get(text);
    if (known !== undefined) return known;
    this.#names.push(name);
    this.#hashes.push(nameHash(name));
    this.#byName.set(text, this.#names.length - 1);
    return this.#names.length - 1;
  }
}

/** Bytes as a string of as many characters: a key for a Map. */
export function latin(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
