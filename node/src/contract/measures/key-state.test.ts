import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Doubt } from './doubt.ts';
import { encodeKeyState, type KeyState, KeyStateReader, mergedKeyState } from './key-state.ts';
import type { Slice } from './slice.ts';

/** Few instants and values, so that last readings of several states are often the same one. */
const instant = fc.integer({ min: 0, max: 6 });
const boot = fc.option(fc.nat(3), { nil: Number.NaN });

const doubt: fc.Arbitrary<Omit<Doubt, 'counter' | 't' | 'v'>> = fc.record({
  id: fc.nat(2),
  boot,
  seq: fc.integer({ min: 1, max: 2 ** 40 }),
  open: fc.constant(true),
  suspect: fc.boolean(),
  anchorT: fc.integer({ min: -1000, max: 6 }),
  anchorV: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
  anchorBoot: boot,
});

const last = fc.record({ t: instant, v: fc.nat(3), boot, doubt: fc.option(doubt) });

const stateOf = (counters: number) =>
  fc
    .record({
      oldest: fc.integer({ min: -(2 ** 50), max: 0 }),
      newest: instant,
      lasts: fc.array(fc.option(last), { minLength: counters, maxLength: counters }),
    })
    .map(
      ({ oldest, newest, lasts }): KeyState => ({
        oldest,
        newest,
        counters: Float64Array.from(lasts.flatMap((one) => [one?.t ?? Number.NaN, one?.v ?? Number.NaN])),
        boots: Float64Array.from(lasts.map((one) => (one?.doubt ?? one)?.boot ?? Number.NaN)),
        doubts: lasts.map((one, counter) =>
          one?.doubt ? { ...one.doubt, counter, t: one.t, v: one.v } : null,
        ),
      }),
    );

const valuesOfKey = fc
  .nat(3)
  .chain((counters) => fc.array(stateOf(counters).map(encodeKeyState), { minLength: 1, maxLength: 4 }));

/** As a value lies in a block, between others. */
function among(value: Uint8Array): Slice {
  const bytes = new Uint8Array(value.length + 6).fill(0x85);
  bytes.set(value, 3);
  return { bytes, from: 3, to: 3 + value.length };
}

test('a reader that is kept reads of one key after the other what each alone is merged to', () => {
  fc.assert(
    fc.property(fc.array(valuesOfKey, { minLength: 1, maxLength: 8 }), (keys) => {
      const reader = new KeyStateReader();
      for (const values of keys) expect(reader.read(values.map(among))).toEqual(mergedKeyState(values));
    }),
  );
});

test('a value that ends in the middle is damage, and the reader goes on with the next key', () => {
  const reader = new KeyStateReader();
  const [value] = fc.sample(stateOf(2).map(encodeKeyState), { numRuns: 1, seed: 7 });
  expect(() => reader.read([{ ...among(value), to: value.length + 2 }])).toThrow('ends in the middle');
  expect(reader.read([among(value)])).toEqual(mergedKeyState([value]));
});
