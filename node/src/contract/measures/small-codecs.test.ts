import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashBytes } from '../reading/shard-of.ts';
import { apportion } from './apportion.ts';
import { stepBoundaries, tierBoundaries } from './boundaries.ts';
import { ByteReader, ByteWriter } from './byte-writer.ts';
import { type Doubt, mergeDoubts } from './doubt.ts';
import {
  compareBytes,
  decodeGroup,
  encodeGroup,
  entryHash,
  entryKey,
  entryName,
  nameHash,
} from './entry-key.ts';
import { decodeHistory, encodeHistory, mergeHistory, newHistoryRows } from './history-chunk.ts';
import { decodeKeyState, encodeKeyState, type KeyState, newKeyState, noteRows } from './key-state.ts';
import { encodeCounts, encodeMark, mergeFor } from './merge-for.ts';
import { bytesOf, compareSlices, sliceOf } from './slice.ts';
import { chunkSpanMs, HISTORY_SPAN_MS, LEDGER_SPAN_MS, TABLES } from './tables.ts';

const whole = fc.oneof(fc.integer({ min: -200, max: 200 }), fc.maxSafeInteger());

describe('numbers in bytes', () => {
  test('come back exactly, up to 2^53 on both sides of zero', () => {
    fc.assert(
      fc.property(fc.array(whole), (numbers) => {
        const writer = new ByteWriter();
        for (const number of numbers) {
          writer.signed(number);
          writer.unsigned(Math.abs(number));
        }
        const reader = new ByteReader(writer.take());
        for (const number of numbers) {
          expect(reader.signed()).toBe(number);
          expect(reader.unsigned()).toBe(Math.abs(number));
        }
        expect(reader.done).toBe(true);
      }),
    );
  });
});

describe('apportion', () => {
  test('rounds half up, exactly, as BigInt does', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 2 ** 52 }));
    fc.assert(
      fc.property(
        size,
        fc.integer({ min: 1, max: 604_800_000 }),
        fc.nat(604_800_000),
        (amount, span, some) => {
          const elapsed = some % (span + 1);
          const exact = (2n * BigInt(amount) * BigInt(elapsed) + BigInt(span)) / (2n * BigInt(span));
          expect(BigInt(apportion(amount, elapsed, span))).toBe(exact);
        },
      ),
    );
  });
});

describe('keys of entries', () => {
  const dims = fc.array(fc.option(fc.string({ maxLength: 12 })), { maxLength: 4 });

  test('hold the dimensions, null and empty told apart', () => {
    fc.assert(
      fc.property(dims, (group) => {
        expect(decodeGroup(encodeGroup(group))).toEqual(group.map((dim) => dim?.toWellFormed() ?? null));
        expect(entryName(entryKey(encodeGroup(group)))).toEqual(encodeGroup(group));
        expect(entryHash(sliceOf(entryKey(encodeGroup(group))))).toBe(nameHash(encodeGroup(group)));
      }),
    );
  });

  test('of a key alone have the hash that its section carries', () => {
    const key = new TextEncoder().encode('meter-7');
    expect(nameHash(encodeGroup(['meter-7']))).toBe(hashBytes(key, 0, key.length));
  });

  test('stand to each other where they lie in others as by themselves', () => {
    const short = fc.uint8Array({ maxLength: 4, max: 2 });
    fc.assert(
      fc.property(short, short, fc.nat(3), (a, b, from) => {
        const within = { bytes: new Uint8Array(12).fill(1), from, to: from + a.length };
        within.bytes.set(a, from);
        expect(bytesOf(within)).toEqual(a);
        expect(compareSlices(within, sliceOf(b))).toBe(compareBytes(a, b));
      }),
    );
  });

  test('are in the order of their hashes', () => {
    const names = Array.from({ length: 50 }, (_, n) => encodeGroup([`m${n}`]));
    const byBytes = [...names].sort((a, b) => compareBytes(entryKey(a), entryKey(b)));
    expect(byBytes).toEqual([...names].sort((a, b) => nameHash(a) - nameHash(b)));
  });
});

describe('history', () => {
  const row = fc.record({
    time: fc.integer({ min: 0, max: 1000 }),
    id: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    value: fc.option(fc.integer({ min: -(2 ** 52), max: 2 ** 52 })),
    tuple: fc.nat(3),
  });
  const rowsOf = (some: { time: number; id: number; value: number | null; tuple: number }[]) => {
    const rows = newHistoryRows(1, some.length);
    for (const { time, id, value, tuple } of [...some].sort((a, b) => a.time - b.time || a.id - b.id)) {
      rows.times[rows.n] = time;
      rows.ids[rows.n] = id;
      rows.contents[rows.n] = id & 0xffff;
      rows.tuples[rows.n] = tuple;
      rows.values[0][rows.n++] = value ?? Number.NaN;
    }
    return rows;
  };

  test('merges in any grouping to the bytes of the whole', () => {
    const distinct = fc.uniqueArray(row, { selector: (one) => `${one.time} ${one.id}`, maxLength: 30 });
    fc.assert(
      fc.property(distinct, fc.nat(30), fc.nat(30), (all, i, j) => {
        const [from, to] = [Math.min(i, j), Math.max(i, j)];
        const parts = [all.slice(0, from), all.slice(from, to), all.slice(to)].map((one) =>
          encodeHistory(rowsOf(one)),
        );
        const whole = encodeHistory(rowsOf(all));
        expect(mergeHistory(parts)).toEqual(whole);
        expect(mergeHistory([parts[2], mergeHistory([parts[0], parts[1]])])).toEqual(whole);
        expect(encodeHistory(decodeHistory(whole))).toEqual(whole);
      }),
    );
  });
});

describe('what is in doubt', () => {
  const doubt: fc.Arbitrary<Doubt> = fc
    .record({
      counter: fc.nat(1),
      t: fc.integer({ min: 0, max: 20 }),
      v: fc.integer({ min: -3, max: 3 }),
      id: fc.nat(1),
      boot: fc.option(fc.nat(9), { nil: Number.NaN }),
      seq: fc.integer({ min: 1, max: 2 ** 40 }),
      open: fc.boolean(),
      suspect: fc.boolean(),
      anchorT: fc.integer({ min: -1000, max: 20 }),
      anchorV: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
      anchorBoot: fc.option(fc.nat(9), { nil: Number.NaN }),
    })
    .map((one) =>
      one.open ? one : { ...one, suspect: false, anchorT: one.t, anchorV: one.v, anchorBoot: one.boot },
    );
  const doubts = fc.uniqueArray(doubt, { selector: ({ seq }) => seq, maxLength: 24 });
  const history = (some: Doubt[]) => encodeHistory({ ...newHistoryRows(2, 0), doubts: mergeDoubts(some) });
  const state = (some: Doubt[]) => {
    const known = newKeyState(2);
    noteRows(known, { ...newHistoryRows(2, 0), doubts: mergeDoubts(some) }, [-1, -1]);
    return encodeKeyState(known);
  };

  test.each([
    ['of readings', mergeHistory, history],
    ['of last readings', mergeFor(TABLES.keys('s')), state],
  ] as const)('merges in any grouping and order to the bytes of the whole: %s', (_, merge, encoded) => {
    fc.assert(
      fc.property(doubts, fc.nat(24), fc.nat(24), (all, i, j) => {
        const [from, to] = [Math.min(i, j), Math.max(i, j)];
        const parts = [all.slice(0, from), all.slice(from, to), all.slice(to)]
          .filter((part) => part.length > 0)
          .map(encoded);
        if (parts.length === 0) return;
        const whole = encoded(all);
        expect(merge(parts)).toEqual(whole);
        expect(merge([...parts].reverse())).toEqual(whole);
        expect(merge([parts.at(-1)!, ...(parts.length > 1 ? [merge(parts.slice(0, -1))] : [])])).toEqual(
          whole,
        );
      }),
    );
  });

  test('is these bytes', () => {
    const suspect: Doubt = {
      counter: 1,
      t: 600_000,
      v: 0,
      id: 7,
      boot: 3,
      seq: 41,
      open: true,
      suspect: true,
      anchorT: 599_900,
      anchorV: 9000,
      anchorBoot: 2,
    };
    const over: Doubt = { ...suspect, t: 600_100, seq: 42, open: false, suspect: false };
    const settled = { ...over, anchorT: over.t, anchorV: over.v, anchorBoot: over.boot };
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    const rows = { ...newHistoryRows(2, 0), doubts: mergeDoubts([settled, suspect]) };
    expect(hex(encodeHistory(rows))).toBe('0202000101000002010f809f4900072903a401a88c01020104a4a04900072a03');
    expect(decodeHistory(encodeHistory(rows)).doubts).toEqual([suspect, settled]);
    const known = { ...newKeyState(2), oldest: 5, newest: 600_000 };
    noteRows(known, { ...rows, doubts: [suspect] }, [-1, -1]);
    expect(hex(encodeKeyState(known))).toBe('0205bb9e4900020000030101010f809f4900072903a401a88c0102');
    expect(decodeKeyState(encodeKeyState(known))).toEqual(known);
    expect(() => decodeHistory(Uint8Array.of(3))).toThrow('version 3');
  });
});

describe('the other merges', () => {
  const keyState = (oldest: number, newest: number, counters: number[]): KeyState => ({
    ...newKeyState(counters.length / 2),
    oldest,
    newest,
    counters: Float64Array.from(counters),
  });

  test('take the widest span and the last reading of a key', () => {
    const both = [keyState(5, 90, [90, 7, Number.NaN, Number.NaN]), keyState(2, 90, [90, 9, 40, 1])].map(
      encodeKeyState,
    );
    const merged = mergeFor(TABLES.keys('s'))(both);
    expect(decodeKeyState(merged)).toEqual(keyState(2, 90, [90, 9, 40, 1]));
    expect(mergeFor(TABLES.keys('s'))(both.reverse())).toEqual(merged);
  });

  test('add counts, take the greatest mark, keep the first tuple', () => {
    const counts = [Float64Array.of(1, 2, 0), Float64Array.of(4)].map(encodeCounts);
    expect(mergeFor(TABLES.ledger('s'))(counts)).toEqual(encodeCounts(Float64Array.of(5, 2)));
    expect(mergeFor(TABLES.marks)([encodeMark(7), encodeMark(3)])).toEqual(encodeMark(7));
    expect(mergeFor(TABLES.tuples('s'))([Uint8Array.of(1), Uint8Array.of(1)])).toEqual(Uint8Array.of(1));
    expect(() => mergeFor('other/s')).toThrow('no merge');
  });
});

describe('tables', () => {
  test('have the names and spans that are on disk', () => {
    expect([
      TABLES.buckets('usage', ['meter', 'state'], '1m'),
      TABLES.buckets('usage', [], '1d'),
      TABLES.history('electricity'),
      TABLES.keys('electricity'),
      TABLES.tuples('electricity'),
      TABLES.ledger('electricity'),
      TABLES.marks,
    ]).toEqual([
      'roll/usage/meter,state/1m',
      'roll/usage//1d',
      'history/electricity',
      'keys/electricity',
      'tuples/electricity',
      'ledger/electricity',
      'marks',
    ]);
    const hours = [1000, 60_000, 900_000, 3_600_000, 86_400_000].map(
      (width) => chunkSpanMs(width) / 3_600_000,
    );
    expect(hours).toEqual([2, 2, 24, 96, 92 * 24]);
    expect([HISTORY_SPAN_MS, LEDGER_SPAN_MS]).toEqual([4 * 3_600_000, 24 * 3_600_000]);
  });
});

describe('steps of an answer', () => {
  test('are whole buckets of the tier, one after the other without gaps', () => {
    const tier = tierBoundaries('Europe/Berlin', 3_600_000);
    for (const stepMs of [5 * 3_600_000, 10 * 86_400_000, 3_600_000, 86_400_000]) {
      const steps = stepBoundaries('Europe/Berlin', 3_600_000, stepMs);
      let start = steps.start(Date.UTC(2026, 9, 23, 5));
      for (let at = 0; at < 40; at++) {
        const end = steps.end(start);
        expect(end).toBeGreaterThan(start);
        expect(tier.start(start)).toBe(start);
        expect([steps.start(start), steps.start(end - 1), steps.start(end)]).toEqual([start, start, end]);
        start = end;
      }
    }
  });
});
