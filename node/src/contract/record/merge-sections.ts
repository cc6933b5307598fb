import type { Section } from '../reading/section.ts';
import { hashBytes, shardOfHash } from '../reading/shard-of.ts';

/** The sections of one layout as one run of rows, with dictionaries over all of them: the inverse of `cutSections`. */
export interface MergedRows {
  rows: number;
  times: Float64Array;
  /** Entries of `keys`, numbered as they first come in the run. */
  keyIds: Float64Array;
  keys: { count: number; bytes: Uint8Array; ends: Uint32Array };
  /** Text columns hold 1 + the entry of their texts, 0 for absent. */
  columns: { values: Float64Array; texts: string[] | null }[];
  /** Each section is the rows of its shard by the hash of their keys, in order, so it need not be written down. */
  byHash: boolean;
}

export function mergeSections(sections: Section[]): MergedRows {
  let rows = 0;
  for (const section of sections) rows += section.rows;
  const byHash = areByHash(sections);
  const places = placesOf(sections, rows, byHash);
  const times = new Float64Array(rows);
  for (let part = 0; part < sections.length; part++) scatter(sections[part].times, places[part], times);
  const columns = sections[0].columns.map((column, at) => {
    const values = new Float64Array(rows);
    const texts = column.kind === 'text' ? mergeTexts(sections, at, places, values) : null;
    if (texts === null)
      sections.forEach((section, part) => {
        const own = section.columns[at];
        if (own.kind === 'number') scatter(own.values, places[part], values);
      });
    return { values, texts };
  });
  return { rows, times, ...mergeKeys(sections, places, rows), columns, byHash };
}

/** HOT */
function scatter(values: Float64Array, places: Uint32Array, into: Float64Array): void {
  for (let row = 0; row < values.length; row++) into[places[row]] = values[row];
}

function areByHash(sections: Section[]): boolean {
  let before = -1;
  for (const section of sections) {
    if (section.shard <= before) return false;
    before = section.shard;
    // What the builder made comes with the order of arrival and with hashes that need no second look.
    const trusted = section.arrival !== undefined;
    for (let key = 0, from = 0; key < section.keyEnds.length; from = section.keyEnds[key++]) {
      const hash = trusted ? section.keyHashes[key] : hashBytes(section.keyBytes, from, section.keyEnds[key]);
      if (shardOfHash(hash) !== section.shard) return false;
    }
  }
  return true;
}

/** Where each row of each section goes: its place of arrival if all have one, else behind the section before. */
function placesOf(sections: Section[], rows: number, byHash: boolean): Uint32Array[] {
  if (byHash && arrivalsFit(sections, rows)) return sections.map((section) => section.arrival!);
  let from = 0;
  return sections.map((section) => {
    const places = new Uint32Array(section.rows);
    for (let row = 0; row < places.length; row++) places[row] = from++;
    return places;
  });
}

function arrivalsFit(sections: Section[], rows: number): boolean {
  const taken = new Uint8Array(rows);
  for (const { arrival, rows: own } of sections) {
    if (arrival === undefined || arrival.length !== own) return false;
    for (let row = 0; row < own; row++) {
      const place = arrival[row];
      if (place >= rows || taken[place] === 1 || (row > 0 && place <= arrival[row - 1])) return false;
      taken[place] = 1;
    }
  }
  return true;
}

function mergeKeys(
  sections: Section[],
  places: Uint32Array[],
  rows: number,
): Pick<MergedRows, 'keyIds' | 'keys'> {
  const keyIds = new Float64Array(rows);
  let all = 0;
  let length = 0;
  sections.forEach((section, part) => {
    for (let row = 0; row < section.rows; row++) keyIds[places[part][row]] = all + section.keyIndex[row];
    all += section.keyEnds.length;
    length += section.keyBytes.length;
  });
  // First numbered section by section, then anew in the order of the rows, which leaves out what no row has.
  const numberOf = new Int32Array(all).fill(-1);
  const order = new Uint32Array(all);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const key = keyIds[row];
    if (numberOf[key] < 0) {
      order[count] = key;
      numberOf[key] = count++;
    }
    keyIds[row] = numberOf[key];
  }
  return { keyIds, keys: gatherKeys(sections, order, count, length) };
}

function gatherKeys(
  sections: Section[],
  order: Uint32Array,
  count: number,
  length: number,
): MergedRows['keys'] {
  const sectionOf: Section[] = [];
  const localOf: number[] = [];
  for (const section of sections) {
    for (let key = 0; key < section.keyEnds.length; key++) {
      sectionOf.push(section);
      localOf.push(key);
    }
  }
  const bytes = new Uint8Array(length);
  const ends = new Uint32Array(count);
  let end = 0;
  for (let key = 0; key < count; key++) {
    const { keyBytes, keyEnds } = sectionOf[order[key]];
    const local = localOf[order[key]];
    for (let at = local === 0 ? 0 : keyEnds[local - 1]; at < keyEnds[local]; at++)
      bytes[end++] = keyBytes[at];
    ends[key] = end;
  }
  return { count, bytes, ends };
}

function mergeTexts(
  sections: Section[],
  column: number,
  places: Uint32Array[],
  into: Float64Array,
): string[] {
  const texts: string[] = [];
  const entryOf = new Map<string, number>();
  sections.forEach((section, part) => {
    const own = section.columns[column];
    if (own.kind !== 'text') return;
    const entries = own.dictionary.map((text) => {
      const known = entryOf.get(text);
      if (known !== undefined) return known;
      const entry = texts.push(text);
      entryOf.set(text, entry);
      return entry;
    });
    for (let row = 0; row < section.rows; row++) {
      const index = own.index[row];
      into[places[part][row]] = index === 0 ? 0 : entries[index - 1];
    }
  });
  return texts;
}
