import { ByteReader, ByteWriter } from './byte-writer.ts';
import { carryOf, LIMB } from './kinds.ts';

/**
 * What a register counted in a bucket, apart by period of its tariff: a list of period and amount, ascending by the period's code,
 * without those that come to nothing. A bucket of the finest tier lies in one period; wider ones merge to several, so
 * that prices can be put on them, and corrected, as long as any tier is kept. The bytes of an entry: code × 2, and 1 more where
 * the amount has a high limb · the high limb · the low one. Their version is the kind's place in its list: another form
 * would be another kind. At most one entry for each period that the tariff ever had.
 */

const writer = new ByteWriter();

/** One period's amount, an exact integer in two limbs; null when it is nothing. */
export function encodePortion(code: number, hi: number, lo: number): Uint8Array | null {
  const carry = carryOf(lo);
  writer.reset();
  put(code, hi + carry, lo - carry * LIMB);
  return writer.length === 0 ? null : writer.take();
}

function put(code: number, hi: number, lo: number): void {
  if (hi === 0 && lo === 0) return;
  writer.unsigned(code * 2 + (hi === 0 ? 0 : 1));
  if (hi !== 0) writer.signed(hi);
  writer.signed(lo);
}

interface Portion {
  code: number;
  hi: number;
  lo: number;
}

function next(reader: ByteReader): Portion | null {
  if (reader.done) return null;
  const head = reader.unsigned();
  const hi = head % 2 === 1 ? reader.signed() : 0;
  return { code: Math.floor(head / 2), hi, lo: reader.signed() };
}

/** Associative, commutative and exact, as sums of integers are. */
export function mergePortions(one: Uint8Array, other: Uint8Array): Uint8Array | null {
  const readers = [new ByteReader(one), new ByteReader(other)];
  writer.reset();
  let a = next(readers[0]);
  let b = next(readers[1]);
  while (a !== null || b !== null) {
    const order = (a?.code ?? Number.POSITIVE_INFINITY) - (b?.code ?? Number.POSITIVE_INFINITY);
    const first = order <= 0 ? a : null;
    const second = order >= 0 ? b : null;
    const low = (first?.lo ?? 0) + (second?.lo ?? 0);
    const carry = carryOf(low);
    put((first ?? second)!.code, (first?.hi ?? 0) + (second?.hi ?? 0) + carry, low - carry * LIMB);
    if (first !== null) a = next(readers[0]);
    if (second !== null) b = next(readers[1]);
  }
  return writer.length === 0 ? null : writer.take();
}

export function eachPortion(bytes: Uint8Array, take: (code: number, amount: number) => void): void {
  const reader = new ByteReader(bytes);
  for (let one = next(reader); one !== null; one = next(reader)) take(one.code, one.hi * LIMB + one.lo);
}
