import type { Rows, RowsColumn } from '../reading/cut-sections.ts';
import type { Section } from '../reading/section.ts';
import { hashBytes, shardOfHash } from '../reading/shard-of.ts';

/**
 * The sections of one layout as one run of rows, with dictionaries over all of them: the inverse of `cutSections`, for
 * records that did not come from the builder. Keys are numbered as they first come in the run, and keys that no row
 * has are left out. The same key in two sections gets two numbers.
 */
export function mergeSections(sections: Section[], layout: number): Rows {
  let rows = 0;
  for (const section of sections) rows += section.rows;
  const times = new Float64Array(rows);
  let from = 0;
  for (const section of sections) {
    times.set(section.times, from);
    from += section.rows;
  }
  const columns = sections[0].columns.map((column, at) =>
    column.kind === 'text' ? mergeTexts(sections, at, rows) : mergeNumbers(sections, at, rows),
  );
  return { layout, rows, times, ...mergeKeys(sections, rows), columns };
}

/** Each section is all rows of its shard by the hash of their keys, so which they are need not be written down. */
export function areByHash(sections: Section[]): boolean {
  let before = -1;
  for (const section of sections) {
    if (section.shard <= before) return false;
    before = section.shard;
    for (let key = 0, from = 0; key < section.keyEnds.length; from = section.keyEnds[key++]) {
      if (shardOfHash(hashBytes(section.keyBytes, from, section.keyEnds[key])) !== section.shard)
        return false;
    }
  }
  return true;
}

function mergeKeys(
  sections: Section[],
  rows: number,
): Pick<Rows, 'keyIds' | 'keys' | 'keyBytes' | 'keyEnds' | 'keyHashes'> {
  let most = 0;
  let length = 0;
  for (const section of sections) {
    most += section.keyEnds.length;
    length += section.keyBytes.length;
  }
  const keyIds = new Uint32Array(rows);
  const keyBytes = new Uint8Array(length);
  const keyEnds = new Uint32Array(most);
  const keyHashes = new Uint32Array(most);
  let row = 0;
  let keys = 0;
  let end = 0;
  for (const section of sections) {
    const numberOf = new Int32Array(section.keyEnds.length).fill(-1);
    for (const key of section.keyIndex) {
      if (numberOf[key] < 0) {
        const own = section.keyBytes.subarray(key === 0 ? 0 : section.keyEnds[key - 1], section.keyEnds[key]);
        keyBytes.set(own, end);
        end += own.length;
        keyEnds[keys] = end;
        keyHashes[keys] = section.keyHashes[key];
        numberOf[key] = keys++;
      }
      keyIds[row++] = numberOf[key];
    }
  }
  return { keyIds, keys, keyBytes, keyEnds, keyHashes };
}

function mergeNumbers(sections: Section[], at: number, rows: number): RowsColumn {
  const values = new Float64Array(rows);
  let from = 0;
  for (const section of sections) {
    const own = section.columns[at];
    if (own.kind === 'number') values.set(own.values, from);
    from += section.rows;
  }
  return { values, entries: 0, text: null };
}

function mergeTexts(sections: Section[], at: number, rows: number): RowsColumn {
  const values = new Float64Array(rows);
  const texts: string[] = [];
  const entryOf = new Map<string, number>();
  let row = 0;
  for (const section of sections) {
    const own = section.columns[at];
    if (own.kind !== 'text') continue;
    const entries = own.dictionary.map((text) => {
      const known = entryOf.get(text);
      if (known !== undefined) return known;
      const entry = texts.push(text);
      entryOf.set(text, entry);
      return entry;
    });
    for (const index of own.index) values[row++] = index === 0 ? 0 : entries[index - 1];
  }
  return { values, entries: texts.length, text: (entry) => texts[entry] };
}
