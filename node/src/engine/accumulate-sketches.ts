import { binOf, type QuantileSketch } from '../contract/measures/sketch/quantile-sketch.ts';
import { hashNumber, join } from '../contract/measures/sketch/stable-hash.ts';
import { drawOf, type TopSketch } from '../contract/measures/sketch/top-sketch.ts';
import type { UniqueSketch } from '../contract/measures/sketch/unique-sketch.ts';
import type { TextColumn } from '../contract/reading/section.ts';
import type { Block } from './block.ts';
import type { KeyTable } from './key-table.ts';
import type { PartialTable } from './partial-table.ts';
import { PAGE_BITS, PAGE_MASK } from './record-pages.ts';
import type { SlotPart } from './slot-plan.ts';

/** Sketches over a block of readings: one loop a kind, as for the numbers. */

/** Number of the slot's sketch in the pool, a new one where there is none. HOT */
function sketchAt(table: PartialTable, part: SlotPart, slot: number): number {
  const words = table.slots.words[slot >> PAGE_BITS];
  const at = (slot & PAGE_MASK) * table.slots.wordStride + part.word;
  if (words[at] === 0) words[at] = table.pools[part.sketch].add();
  return words[at] - 1;
}

/** HOT */
export function addQuantiles(
  table: PartialTable,
  part: SlotPart,
  slots: Uint32Array,
  values: Float64Array,
  n: number,
): void {
  const sketches = table.pools[part.sketch].sketches as QuantileSketch[];
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (!Number.isNaN(value)) sketches[sketchAt(table, part, slots[i])].add(binOf(value));
  }
}

/** `hashes[i]` is that of reading i's value, NaN where it has none. HOT */
export function addUniques(
  table: PartialTable,
  part: SlotPart,
  slots: Uint32Array,
  hashes: Float64Array,
  n: number,
): void {
  const sketches = table.pools[part.sketch].sketches as UniqueSketch[];
  for (let i = 0; i < n; i++) {
    const hash = hashes[i];
    if (!Number.isNaN(hash)) sketches[sketchAt(table, part, slots[i])].add(hash);
  }
}

/** `hashes[i]` is that of entry i of the dictionary, from 1. HOT */
export function addTops(
  table: PartialTable,
  part: SlotPart,
  block: Block,
  column: TextColumn,
  hashes: Float64Array,
  keys: KeyTable,
): void {
  const sketches = table.pools[part.sketch].sketches as TopSketch[];
  const { n, rows, slots, times } = block;
  const { index, dictionary } = column;
  for (let i = 0; i < n; i++) {
    const entry = index[rows[i]];
    if (entry === 0) continue;
    const hash = hashes[entry];
    const draw = drawOf(keys.hash(block.keys[i]), times[i], hash);
    sketches[sketchAt(table, part, slots[i])].add(dictionary[entry - 1], hash, draw);
  }
}

/** HOT */
export function hashNumbers(values: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) if (!Number.isNaN(values[i])) values[i] = hashNumber(values[i]);
}

/** HOT */
export function hashKeys(block: Block, keys: KeyTable): void {
  for (let i = 0; i < block.n; i++) block.field[i] = join(keys.hash(block.keys[i]), 0);
}

/** HOT */
export function hashTexts(block: Block, column: TextColumn, hashes: Float64Array): void {
  const { n, rows, field } = block;
  for (let i = 0; i < n; i++) field[i] = hashes[column.index[rows[i]]];
}
