import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { field, testSite } from '../codec/testing/test-site.ts';
import {
  type Column,
  decodeRecord,
  encodeRecord,
  GroupBuilder,
  hashBytes,
  LIMITS,
  type LogRecord,
  peekRecord,
  type Section,
  shardOfHash,
} from '../index.ts';
import { HEADER_BYTES } from './header.ts';

const WALL_MS = 1_763_672_400_000;

interface Row {
  key: string;
  time: number;
  cells: (number | string | null)[];
}

const LAYOUT = {
  stream: 'electricity',
  fields: [
    { name: 'kwh', kind: 'number' as const, decimals: 3 },
    { name: 'state', kind: 'text' as const, decimals: 0 },
    { name: 'watts', kind: 'number' as const, decimals: 0 },
  ],
};

function sectionOf(shard: number, layout: number, rows: Row[]): Section {
  const keys = [...new Set(rows.map((row) => row.key))];
  const encoded = keys.map((key) => Buffer.from(key));
  let end = 0;
  const columns = LAYOUT.fields.map((field, at): Column => {
    if (field.kind === 'number') {
      return {
        kind: 'number',
        values: Float64Array.from(rows, (row) => (row.cells[at] as number) ?? Number.NaN),
      };
    }
    const texts = rows.map((row) => row.cells[at] as string | null);
    const dictionary = [...new Set(texts.filter((text) => text !== null))];
    const index = Uint32Array.from(texts, (text) => (text === null ? 0 : 1 + dictionary.indexOf(text)));
    return { kind: 'text', dictionary, index };
  });
  return {
    shard,
    layout,
    rows: rows.length,
    times: Float64Array.from(rows, (row) => row.time),
    keyIndex: Uint32Array.from(rows, (row) => keys.indexOf(row.key)),
    keyBytes: new Uint8Array(Buffer.concat(encoded)),
    keyEnds: Uint32Array.from(encoded, (key) => (end += key.length)),
    keyHashes: Uint32Array.from(encoded, (key) => hashBytes(key, 0, key.length)),
    columns,
  };
}

/** Sections as the builder cuts them: by shard, each in the order of arrival. */
function sectionsOf(layout: number, rows: Row[]): Section[] {
  const byShard = new Map<number, number[]>();
  rows.forEach((row, at) => {
    const key = Buffer.from(row.key);
    const shard = shardOfHash(hashBytes(key, 0, key.length));
    byShard.set(shard, [...(byShard.get(shard) ?? []), at]);
  });
  return [...byShard.entries()]
    .sort((a, b) => a[0] - b[0])
    .map(([shard, places]) =>
      sectionOf(
        shard,
        layout,
        places.map((at) => rows[at]),
      ),
    );
}

function recordOf(sections: Section[], more: Partial<LogRecord> = {}): LogRecord {
  const layouts = Array.from(
    { length: 1 + Math.max(0, ...sections.map((section) => section.layout)) },
    () => LAYOUT,
  );
  return { seq: 7, wallMs: 1_763_672_400_000, clockTrusted: true, layouts, sections, setAside: [], ...more };
}

function decoded(bytes: Uint8Array, wanted?: (shard: number) => boolean): LogRecord {
  const record = decodeRecord(bytes, wanted);
  if ('fault' in record) throw new Error(record.fault);
  return record;
}

const number = fc.oneof(
  fc.constant(null),
  fc.constant(0),
  fc.integer({ min: 0, max: 9 }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
);
const text = fc.oneof(
  fc.constant(null),
  fc.constantFrom('NY', 'CA', 'TX'),
  fc.string({ unit: 'grapheme', maxLength: 9 }),
);
const key = fc.oneof(
  fc.integer({ min: 0, max: 99 }).map((meter) => `m${String(meter).padStart(6, '0')}`),
  fc.integer({ min: 0, max: 1e9 }).map((meter) => `m${meter}`),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
);
const row: fc.Arbitrary<Row> = fc.record({
  key,
  time: fc.integer({ min: 631_152_000_000, max: 4_000_000_000_000 }),
  cells: fc.tuple(number, text, number),
});
const setAside = fc.record({
  stream: fc.constantFrom('electricity', 'gas'),
  reason: fc.constantFrom('malformed' as const, 'impossible' as const, 'clock' as const),
  topic: fc.string(),
  payload: fc.uint8Array({ maxLength: 40 }),
  payloadBytes: fc.nat(),
});

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

describe('a record of the log', () => {
  it('comes back as it was written, whatever its columns hold', () => {
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 60 }),
        fc.array(row, { maxLength: 20 }),
        fc.array(setAside, { maxLength: 5 }),
        fc.boolean(),
        (first, second, messages, clockTrusted) => {
          const sections = [...sectionsOf(0, first), ...sectionsOf(1, second)];
          const record = recordOf(sections, { setAside: messages, clockTrusted });
          expect(decoded(encodeRecord(record))).toEqual(record);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps each column exact in every form that suits it', () => {
    const shapes: ((at: number) => number)[] = [
      () => 42,
      (at) => at * 1000,
      (at) => Math.floor(at / 50),
      (at) => (at * 7919) % 100_003,
      (at) => (at * 7919) % 5,
      (at) => (at % 97 === 0 ? 1e12 + at : 1),
      (at) => ((at * 2_654_435_761) % 2 ** 32) * 2 ** 19,
      (at) => (at % 2 === 0 ? 2 ** 52 : -(2 ** 52)),
      (at) => at / 3,
      (at) => (at % 10 === 0 ? Number.NaN : at),
      () => Number.NaN,
      (at) => (at % 3 === 0 ? -0 : 5),
    ];
    for (const shape of shapes) {
      const rows = Array.from({ length: 1000 }, (_, at) => ({
        key: `m${at % 300}`,
        time: 1_763_672_400_000 + at,
        cells: [shape(at), null, at],
      }));
      const record = recordOf(sectionsOf(0, rows));
      expect(decoded(encodeRecord(record))).toEqual(record);
    }
  });

  it('keeps sections that do not follow from the hash of their keys', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(LIMITS.shards - 1), fc.array(row, { minLength: 1, maxLength: 9 })), {
          maxLength: 6,
        }),
        (parts) => {
          const record = recordOf(parts.map(([shard, rows]) => sectionOf(shard, 0, rows)));
          expect(decoded(encodeRecord(record))).toEqual(record);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is the same whether it is written in the order of arrival or by its sections', () => {
    const reading = fc.record({
      meter: fc.integer({ min: 0, max: 30 }).map((meter) => `m${meter}`),
      ts: fc.integer({ min: WALL_MS - 5000, max: WALL_MS }),
      kwh: fc.nat(3_000_000).map((units) => units / 1000),
      state: fc.constantFrom('NY', 'CA', null),
    });
    fc.assert(
      fc.property(
        fc.array(reading, { minLength: 1, maxLength: 80 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, part) => {
          // Watts follow from the consumption, as a meter computes them, but for a rounding.
          const payload = all.map((one) => ({ ...one, watts: Math.round(one.kwh * 720) }));
          const builder = new GroupBuilder(testSite());
          builder.add('meters/7/power', Buffer.from(JSON.stringify(payload)), WALL_MS);
          const record = builder.take(1, WALL_MS + part, true);
          expect(decoded(encodeRecord(record))).toEqual(record);
          expect(decoded(encodeRecord({ ...record }))).toEqual(record);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('takes few bytes for packs of neighbours and for single meters', () => {
    const random = xorshift(1);
    const builder = new GroupBuilder(
      testSite({ fields: [field('used', 'gauge', 4), field('state', 'text')] }),
    );
    const states = Array.from({ length: 51 }, (_, at) => `S${at}`);
    for (let pack = 0; pack < 50; pack++) {
      const readings = Array.from({ length: 100 }, (_, at) => ({
        meter: `m${String(pack * 100 + at).padStart(6, '0')}`,
        ts: WALL_MS + pack,
        used: Math.round((random() + random()) * 1500) / 10_000,
        state: states[Math.floor(random() * 51)],
      }));
      builder.add('meters/7/power', Buffer.from(JSON.stringify(readings)), WALL_MS + pack);
    }
    expect(encodeRecord(builder.take(1, WALL_MS + 90, true)).length / 5000).toBeLessThan(4);
    const single = new GroupBuilder(
      testSite({ fields: [field('kwh', 'counter', 3), field('watts', 'gauge')] }),
    );
    for (let at = 0; at < 800; at++) {
      const meter = `m${String(Math.floor(random() * 1e6)).padStart(6, '0')}`;
      const kwh = Math.floor(random() * 3e7) / 1000;
      const reading = {
        meter,
        ts: WALL_MS - Math.floor(random() * 200),
        kwh,
        watts: Math.floor(random() * 5000),
      };
      single.add('meters/7/power', Buffer.from(JSON.stringify(reading)), WALL_MS);
    }
    expect(encodeRecord(single.take(1, WALL_MS + 9, true)).length / 800).toBeLessThan(12);
  });

  it('gives only the shards that are wanted', () => {
    const rows = Array.from({ length: 500 }, (_, at) => ({ key: `m${at}`, time: at, cells: [at, 'NY', at] }));
    const record = recordOf(sectionsOf(0, rows));
    const half = decoded(encodeRecord(record), (shard) => shard % 2 === 0);
    const expected = record.sections.filter((section) => section.shard % 2 === 0);
    expect(half.sections).toEqual(expected);
  });

  it('tells sequence, time, trust and readings without its body', () => {
    const rows = Array.from({ length: 5 }, (_, at) => ({ key: `m${at}`, time: at, cells: [at, null, at] }));
    const record = recordOf(sectionsOf(0, rows), { seq: 2 ** 40, clockTrusted: false });
    const bytes = encodeRecord(record);
    expect(peekRecord(bytes.subarray(0))).toEqual({
      seq: 2 ** 40,
      wallMs: record.wallMs,
      clockTrusted: false,
      readings: 5,
    });
  });

  it('is small when it only carries a tick', () => {
    expect(encodeRecord(recordOf([], { layouts: [] })).length).toBeLessThan(HEADER_BYTES + 16);
  });

  it('detects every flipped bit and every cut', () => {
    const rows = Array.from({ length: 40 }, (_, at) => ({
      key: `m${at}`,
      time: at * 9,
      cells: [at * 31, 'NY', at],
    }));
    const bytes = encodeRecord(recordOf(sectionsOf(0, rows)));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] ^= 1 << (bit & 7);
      expect('fault' in decodeRecord(flipped), `bit ${bit}`).toBe(true);
    }
    for (let length = 0; length < bytes.length; length++) {
      expect('fault' in decodeRecord(bytes.subarray(0, length)), `length ${length}`).toBe(true);
    }
  });
});
