import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashBytes } from '../reading/shard-of.ts';
import { apportion } from './apportion.ts';
import { stepBoundaries, tierBoundaries } from './boundaries.ts';
import { ByteReader, ByteWriter } from './byte-writer.ts';
import { compareBytes, decodeGroup, encodeGroup, entryKey, entryName, nameHash } from './entry-key.ts';
import { decodeHistory, encodeHistory, mergeHistory, newHistoryRows } from './history-chunk.ts';
import { decodeKeyState, encodeCounts, encodeKeyState, encodeMark, mergeFor } from './merge-for.ts';
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
      }),
    );
  });

  test('of a key alone have the hash that its section carries', () => {
    const key = new TextEncoder().encode('meter-7');
    expect(nameHash(encodeGroup(['meter-7']))).toBe(hashBytes(key, 0, key.length));
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

describe('the other merges', () => {
  test('take the widest span and the last reading of a key', () => {
    const one = { oldest: 5, newest: 90, counters: Float64Array.of(90, 7, Number.NaN, Number.NaN) };
    const two = { oldest: 2, newest: 90, counters: Float64Array.of(90, 9, 40, 1) };
    const both = [encodeKeyState(one), encodeKeyState(two)];
    const merged = mergeFor(TABLES.keys('s'))(both);
    expect(decodeKeyState(merged)).toEqual({
      oldest: 2,
      newest: 90,
      counters: Float64Array.of(90, 9, 40, 1),
    });
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
