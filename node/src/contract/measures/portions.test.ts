import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMB } from './kinds.ts';
import { eachPortion, encodePortion, mergePortions } from './portions.ts';

const amount = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n }).map((wide) => wide),
);
const entry = fc.record({ code: fc.integer({ min: 0, max: 5 }), amount: amount.map(BigInt) });

const wide = BigInt(LIMB);

function encode({ code, amount: whole }: { code: number; amount: bigint }): Uint8Array | null {
  const lo = BigInt.asIntN(40, whole);
  return encodePortion(code, Number((whole - lo) / wide), Number(lo));
}

const merge = (one: Uint8Array | null, other: Uint8Array | null) =>
  one === null ? other : other === null ? one : mergePortions(one, other);

/** In a fold that `shape` decides: each number merges two neighbours. */
function folded(parts: (Uint8Array | null)[], shape: number[]): Uint8Array | null {
  const left = [...parts];
  for (let turn = 0; left.length > 1; turn++) {
    const at = (shape[turn % shape.length] ?? 0) % (left.length - 1);
    left.splice(at, 2, merge(left[at], left[at + 1]));
  }
  return left[0] ?? null;
}

describe('amounts by period', () => {
  test('merge to the same bytes in any order and grouping, and add up exactly', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
        (entries, shape, keys) => {
          const whole = folded(entries.map(encode), [0]);
          const mixed = entries.toSorted((a, b) => keys[entries.indexOf(a)] - keys[entries.indexOf(b)]);
          expect(folded(mixed.map(encode), shape)).toEqual(whole);
          const sums = new Map<number, bigint>();
          for (const { code, amount: more } of entries) sums.set(code, (sums.get(code) ?? 0n) + more);
          const expected = [...sums].filter(([, sum]) => sum !== 0n).sort(([a], [b]) => a - b);
          const found: [number, number][] = [];
          if (whole !== null) eachPortion(whole, (code, sum) => found.push([code, sum]));
          expect(found).toEqual(expected.map(([code, sum]) => [code, Number(sum)]));
        },
      ),
    );
  });

  test('that are taken out again leave nothing', () => {
    const one = encodePortion(7, 0, 1234)!;
    expect(mergePortions(one, encodePortion(7, 0, -1234)!)).toBe(null);
    expect(encodePortion(7, 0, 0)).toBe(null);
  });

  test('have the bytes that they always had', () => {
    const both = mergePortions(encodePortion(4000, 0, 1500)!, encodePortion(12, 3, -5)!);
    expect(Buffer.from(both!).toString('hex')).toBe('190345c03e9c17');
  });
});
