import { ByteReader, ByteWriter } from '../byte-writer.ts';
import type { SketchAccount } from './sketch-account.ts';
import { hashText, join } from './stable-hash.ts';

/**
 * The texts that came most often. Up to `TEXTS_MAX` different ones are counted exactly. Beyond, each reading is counted in
 * a table of 4 rows by 1,024 columns, which adds up (count-min), and the texts that stay are those of the least *draw*:
 * each reading draws a number from its key, time and text, and a text's draw is the least of its readings'. So a text is as
 * likely to stay as it is frequent, and which ones stay is a function of the readings alone: sketches merge to the same
 * bytes in any order, where SpaceSaving, which throws out the rarest of the moment, would not. `docs/decisions/007`.
 */
const VERSION = 1;
const COUNTED = 0;
const TABLED = 1;

export const TEXTS_MAX = 256;
const ROWS = 4;
const COLUMNS = 1024;

/** A count past `TEXTS_MAX` texts is too high by more than this part of all readings in one case of fifty. */
export const TOP_ERROR = Math.E / COLUMNS;

interface Entry {
  count: number;
  draw: number;
}

interface State {
  texts: Map<string, Entry>;
  /** Row by row; null while all texts are there with their counts. */
  table: Float64Array | null;
}

/** A reading's draw: of 40 bits. HOT */
export function drawOf(keyHash: number, time: number, textHash: number): number {
  const high = Math.floor(time / 4294967296);
  const low = (time - high * 4294967296) ^ keyHash;
  return join(low + Math.imul(high, 0x9e3779b1), textHash % 4294967296);
}

/** The texts of one slot since the last checkpoint: some 100 bytes a text, and 32 kB past 256 of them. */
export class TopSketch {
  readonly #account: SketchAccount;
  readonly #state: State = { texts: new Map(), table: null };
  /** The text of the greatest draw; null when it must be looked for. */
  #last: string | null = null;

  constructor(account: SketchAccount) {
    this.#account = account;
  }

  /** HOT */
  add(text: string, textHash: number, draw: number): void {
    const { texts, table } = this.#state;
    if (table !== null) addToTable(table, textHash, 1);
    const known = texts.get(text);
    if (known !== undefined) {
      known.count++;
      if (draw >= known.draw) return;
      known.draw = draw;
      if (text === this.#last) this.#last = null;
      return;
    }
    if (table === null || this.#staysBefore(text, draw)) this.#insert(text, draw);
  }

  #staysBefore(text: string, draw: number): boolean {
    this.#last ??= greatest(this.#state.texts);
    const last = this.#state.texts.get(this.#last)!;
    return draw < last.draw || (draw === last.draw && text < this.#last);
  }

  #insert(text: string, draw: number): void {
    const state = this.#state;
    state.texts.set(text, { count: 1, draw });
    this.#account.bytes += TEXT_BYTES + text.length;
    this.#last = null;
    if (state.texts.size <= TEXTS_MAX) return;
    if (state.table === null) {
      state.table = tableOf(state.texts);
      this.#account.bytes += state.table.byteLength;
    }
    const last = greatest(state.texts);
    state.texts.delete(last);
    this.#account.bytes -= TEXT_BYTES + last.length;
  }

  encode(): Uint8Array {
    return encode(this.#state);
  }
}

/** An entry of a map with its two numbers, as measured. */
const TEXT_BYTES = 100;

function greatest(texts: Map<string, Entry>): string {
  let found = '';
  let most = -1;
  for (const [text, { draw }] of texts) {
    if (draw < most || (draw === most && text < found)) continue;
    found = text;
    most = draw;
  }
  return found;
}

/** Ten bits of the hash for each row. HOT */
function addToTable(table: Float64Array, textHash: number, count: number): void {
  let rest = textHash;
  for (let row = 0; row < ROWS; row++) {
    const next = Math.floor(rest / COLUMNS);
    table[row * COLUMNS + (rest - next * COLUMNS)] += count;
    rest = next;
  }
}

function tableOf(texts: Map<string, Entry>): Float64Array {
  const table = new Float64Array(ROWS * COLUMNS);
  for (const [text, { count }] of texts) addToTable(table, hashText(text), count);
  return table;
}

const writer = new ByteWriter();
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const DRAW_BYTES = 5;

function encode({ texts, table }: State): Uint8Array {
  writer.reset();
  writer.byte(VERSION);
  writer.byte(table === null ? COUNTED : TABLED);
  writer.unsigned(texts.size);
  for (const text of [...texts.keys()].sort()) {
    const { count, draw } = texts.get(text)!;
    const bytes = encoder.encode(text);
    writer.unsigned(bytes.length);
    writer.bytes(bytes);
    for (let at = 0, rest = draw; at < DRAW_BYTES; at++, rest = Math.floor(rest / 256))
      writer.byte(rest % 256);
    if (table === null) writer.unsigned(count);
  }
  for (const count of table ?? []) writer.unsigned(count);
  return writer.take();
}

function decode(bytes: Uint8Array): State {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== VERSION) throw new Error(`sketch of frequent texts of version ${version}, not ${VERSION}`);
  const tabled = reader.byte() === TABLED;
  const texts = new Map<string, Entry>();
  for (let left = reader.unsigned(); left > 0; left--) {
    const text = decoder.decode(reader.bytes(reader.unsigned()));
    let draw = 0;
    for (let at = 0, scale = 1; at < DRAW_BYTES; at++, scale *= 256) draw += reader.byte() * scale;
    texts.set(text, { count: tabled ? 0 : reader.unsigned(), draw });
  }
  if (!tabled) return { texts, table: null };
  return { texts, table: Float64Array.from({ length: ROWS * COLUMNS }, () => reader.unsigned()) };
}

export function mergeTops(one: Uint8Array, other: Uint8Array): Uint8Array {
  const a = decode(one);
  const b = decode(other);
  const texts = new Map(a.texts);
  for (const [text, { count, draw }] of b.texts) {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, { count, draw });
    else texts.set(text, { count: known.count + count, draw: Math.min(known.draw, draw) });
  }
  if (a.table === null && b.table === null && texts.size <= TEXTS_MAX) return encode({ texts, table: null });
  const table = a.table ?? tableOf(a.texts);
  const more = b.table ?? tableOf(b.texts);
  for (let at = 0; at < table.length; at++) table[at] += more[at];
  const ordered = [...texts].sort(([s, x], [t, y]) => x.draw - y.draw || (s < t ? -1 : 1));
  return encode({ texts: new Map(ordered.slice(0, TEXTS_MAX)), table });
}

export interface TopText {
  value: string;
  count: number;
  /** What the count may be too high by; 0 where it is exact. */
  error: number;
}

/** The most frequent texts, the most frequent first; of equal ones that which comes first in the alphabet. */
export function topOf(bytes: Uint8Array, most: number): TopText[] {
  const { texts, table } = decode(bytes);
  let readings = 0;
  if (table !== null) for (let column = 0; column < COLUMNS; column++) readings += table[column];
  const error = Math.ceil(readings * TOP_ERROR);
  const counted = [...texts].map(([value, { count }]) => ({
    value,
    count: table === null ? count : fromTable(table, hashText(value)),
    error,
  }));
  counted.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  return counted.slice(0, most);
}

function fromTable(table: Float64Array, textHash: number): number {
  let least = Number.POSITIVE_INFINITY;
  let rest = textHash;
  for (let row = 0; row < ROWS; row++) {
    const next = Math.floor(rest / COLUMNS);
    least = Math.min(least, table[row * COLUMNS + (rest - next * COLUMNS)]);
    rest = next;
  }
  return least;
}
