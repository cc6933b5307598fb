import { carryOf, LIMB } from '../contract/measures/kinds.ts';
import type { PartialTable } from './partial-table.ts';
import { PAGE_BITS, PAGE_MASK } from './record-pages.ts';
import { SLOT_EXTRA, SLOT_ROWS, type SlotPart } from './slot-plan.ts';

/**
 * One accumulator over a block of readings: one tight loop for each kind, since a loop that chooses by kind for each
 * reading costs twice as much. `slots[i]` is the slot of reading i, `values[i]` its value or NaN.
 */

/** Limbs are carried when the low one comes so far; one more value still fits below 2^53. */
const CARRY_AT = 2 ** 52;

/** HOT */
export function countRows(table: PartialTable, slots: Uint32Array, n: number): void {
  const pages = table.slots.words;
  const stride = table.slots.wordStride;
  for (let i = 0; i < n; i++) {
    const slot = slots[i];
    pages[slot >> PAGE_BITS][(slot & PAGE_MASK) * stride + SLOT_ROWS]++;
  }
}

/** HOT */
export function addPresent(
  table: PartialTable,
  part: SlotPart,
  slots: Uint32Array,
  values: Float64Array,
  n: number,
): void {
  const pages = table.slots.words;
  const stride = table.slots.wordStride;
  const word = part.word;
  for (let i = 0; i < n; i++) {
    const slot = slots[i];
    if (!Number.isNaN(values[i])) pages[slot >> PAGE_BITS][(slot & PAGE_MASK) * stride + word]++;
  }
}

/** Sums and shares. HOT */
export function addSum(
  table: PartialTable,
  part: SlotPart,
  slots: Uint32Array,
  values: Float64Array,
  n: number,
): void {
  const pages = table.slots.doubles;
  const stride = table.slots.doubleStride;
  const double = table.slots.doubleAt + part.double;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    const slot = slots[i];
    const page = pages[slot >> PAGE_BITS];
    const at = (slot & PAGE_MASK) * stride + double;
    const sum = page[at] + value;
    page[at] = sum;
    if (sum >= CARRY_AT || sum <= -CARRY_AT) carry(table, part, slot);
  }
}

/** Squares of values of less than this are below 2^52, and so is the low limb of their sum. */
const SMALL = 2 ** 26;

/** HOT */
export function addSquareSum(
  table: PartialTable,
  part: SlotPart,
  slots: Uint32Array,
  values: Float64Array,
  n: number,
): void {
  const pages = table.slots.doubles;
  const stride = table.slots.doubleStride;
  const double = table.slots.doubleAt + part.double;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    const slot = slots[i];
    if (value >= SMALL || value <= -SMALL) {
      addLargeSquare(table, part, slot, Math.abs(value));
      continue;
    }
    const page = pages[slot >> PAGE_BITS];
    const at = (slot & PAGE_MASK) * stride + double;
    const sum = page[at] + value * value;
    page[at] = sum;
    if (sum >= CARRY_AT) carrySquare(table, part, slot, 0, 0);
  }
}

/** (h · 2^26 + l)² = h² · 2^52 + 2hl · 2^26 + l², each product exact in a double and cut at the limbs. */
function addLargeSquare(table: PartialTable, part: SlotPart, slot: number, size: number): void {
  const high = Math.floor(size / SMALL);
  const low = size - high * SMALL;
  const cross = 2 * high * low;
  const crossHigh = Math.floor(cross / 2 ** 14);
  const top = high * high;
  const topHigh = Math.floor(top / 2 ** 28);
  const page = table.slots.doubles[slot >> PAGE_BITS];
  page[table.doubleBase(slot) + part.double] += low * low + (cross - crossHigh * 2 ** 14) * SMALL;
  carrySquare(table, part, slot, crossHigh + (top - topHigh * 2 ** 28) * 2 ** 12, topHigh);
}

/** Adds to the middle and high limbs, and carries what the low one has too much. */
function carrySquare(table: PartialTable, part: SlotPart, slot: number, mid: number, hi: number): void {
  const page = table.slots.doubles[slot >> PAGE_BITS];
  const at = table.doubleBase(slot) + part.double;
  const carried = Math.floor(page[at] / LIMB);
  page[at] -= carried * LIMB;
  const extra = table.extraOf(slot);
  const doubles = table.extras.doubles[extra >> PAGE_BITS];
  const first = (extra & PAGE_MASK) * table.extras.doubleStride + part.extra;
  const middle = doubles[first + 1] + mid + carried;
  const more = Math.floor(middle / LIMB);
  doubles[first + 1] = middle - more * LIMB;
  doubles[first] += hi + more;
}

/** One amount to one slot. */
export function addAmount(table: PartialTable, part: SlotPart, slot: number, amount: number): void {
  const page = table.slots.doubles[slot >> PAGE_BITS];
  const at = table.doubleBase(slot) + part.double;
  page[at] += amount;
  if (page[at] >= CARRY_AT || page[at] <= -CARRY_AT) carry(table, part, slot);
}

function carry(table: PartialTable, part: SlotPart, slot: number): void {
  const page = table.slots.doubles[slot >> PAGE_BITS];
  const at = table.doubleBase(slot) + part.double;
  const high = carryOf(page[at]);
  page[at] -= high * LIMB;
  table.addToExtra(slot, part.extra, high);
}

/** HOT */
export function takeMin(
  table: PartialTable,
  part: SlotPart,
  slots: Uint32Array,
  values: Float64Array,
  n: number,
): void {
  const pages = table.slots.doubles;
  const stride = table.slots.doubleStride;
  const double = table.slots.doubleAt + part.double;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    const slot = slots[i];
    const page = pages[slot >> PAGE_BITS];
    const at = (slot & PAGE_MASK) * stride + double;
    if (!(page[at] <= value)) page[at] = value;
  }
}

/** HOT */
export function takeMax(
  table: PartialTable,
  part: SlotPart,
  slots: Uint32Array,
  values: Float64Array,
  n: number,
): void {
  const pages = table.slots.doubles;
  const stride = table.slots.doubleStride;
  const double = table.slots.doubleAt + part.double;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    const slot = slots[i];
    const page = pages[slot >> PAGE_BITS];
    const at = (slot & PAGE_MASK) * stride + double;
    if (!(page[at] >= value)) page[at] = value;
  }
}

/** First (`sign` 1) or last (`sign` −1) by time, then by value. `offsets[i]` counts from the bucket's start. HOT */
export function takeEnd(
  table: PartialTable,
  part: SlotPart,
  sign: number,
  slots: Uint32Array,
  offsets: Uint32Array,
  values: Float64Array,
  n: number,
): void {
  const { words: wordPages, doubles: pages, wordStride, doubleStride, doubleAt } = table.slots;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    const slot = slots[i];
    const page = pages[slot >> PAGE_BITS];
    const words = wordPages[slot >> PAGE_BITS];
    const at = (slot & PAGE_MASK) * doubleStride + doubleAt + part.double;
    const time = (slot & PAGE_MASK) * wordStride + part.word;
    const own = page[at];
    if (!Number.isNaN(own)) {
      const ahead = (offsets[i] - words[time]) * sign;
      if (ahead > 0 || (ahead === 0 && (value - own) * sign >= 0)) continue;
    }
    page[at] = value;
    words[time] = offsets[i];
  }
}

/**
 * One reading of a counter into a register. `corr` belongs to the interval that ends in it; `rest` stands in the bucket
 * whatever comes before. A correction of a reading that is known already comes the same way and adds up. HOT
 */
export function takePoint(
  table: PartialTable,
  part: SlotPart,
  slot: number,
  offset: number,
  value: number,
  corr: number,
  rest: number,
): void {
  const page = table.slots.doubles[slot >> PAGE_BITS];
  const words = table.slots.words[slot >> PAGE_BITS];
  const at = table.doubleBase(slot) + part.double;
  const time = (slot & PAGE_MASK) * table.slots.wordStride + part.word;
  if (rest !== 0) addCorrection(table, slot, part.extra + 2, rest);
  const firstV = page[at];
  const firstT = words[time];
  if (Number.isNaN(firstV)) {
    page[at] = value;
    page[at + 1] = value;
    words[time] = offset;
    words[time + 1] = offset;
    if (corr !== 0) addCorrection(table, slot, part.extra, corr);
    return;
  }
  if (offset === firstT && value === firstV) {
    if (corr !== 0) addCorrection(table, slot, part.extra, corr);
  } else if (offset > firstT || (offset === firstT && value > firstV)) {
    if (corr !== 0) addCorrection(table, slot, part.extra + 2, corr);
  } else {
    page[at] = value;
    words[time] = offset;
    replaceFirst(table, slot, part, corr);
  }
  if (offset > words[time + 1] || (offset === words[time + 1] && value > page[at + 1])) {
    words[time + 1] = offset;
    page[at + 1] = value;
  }
}

/** Adds to an exact integer whose limbs stand in the extra. */
export function addCorrection(table: PartialTable, slot: number, double: number, amount: number): void {
  const extra = table.extraOf(slot);
  const doubles = table.extras.doubles[extra >> PAGE_BITS];
  const at = (extra & PAGE_MASK) * table.extras.doubleStride + double;
  const sum = doubles[at + 1] + amount;
  const high = carryOf(sum);
  doubles[at] += high;
  doubles[at + 1] = sum - high * LIMB;
}

/** The reading that was first is an inner one now, and so is the interval that ends in it. */
function replaceFirst(table: PartialTable, slot: number, part: SlotPart, corr: number): void {
  const extra = table.word(slot, SLOT_EXTRA);
  if (extra !== 0) {
    const doubles = table.extras.doubles[extra >> PAGE_BITS];
    const at = (extra & PAGE_MASK) * table.extras.doubleStride + part.extra;
    doubles[at + 2] += doubles[at];
    addCorrection(table, slot, part.extra + 2, doubles[at + 1]);
    doubles[at] = 0;
    doubles[at + 1] = 0;
  }
  if (corr !== 0) addCorrection(table, slot, part.extra, corr);
}
