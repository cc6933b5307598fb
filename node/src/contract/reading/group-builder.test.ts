import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { field, testSite } from '../codec/testing/test-site.ts';
import { LIMITS } from '../limits.ts';
import { decodeRecord } from '../record/decode.ts';
import { encodeRecord } from '../record/encode.ts';
import { GroupBuilder } from './group-builder.ts';
import type { LogRecord } from './section.ts';
import { hashBytes, shardOfHash } from './shard-of.ts';

const ARRIVAL = Date.UTC(2025, 10, 20, 21, 0, 0);
const TOPIC = 'meters/7/power';

function recordOf(
  payload: string | Uint8Array,
  topic = TOPIC,
  builder = new GroupBuilder(testSite()),
): LogRecord {
  builder.add(topic, typeof payload === 'string' ? Buffer.from(payload) : payload, ARRIVAL);
  return builder.take(1, ARRIVAL, true);
}

function reasonsOf(payload: string | Uint8Array, topic?: string): string[] {
  return recordOf(payload, topic).setAside.map((message) => message.reason);
}

/** Key, time and columns of the only reading. */
function readingOf(payload: string, topic?: string): unknown[] {
  const record = recordOf(payload, topic);
  expect(record.setAside).toEqual([]);
  expect(record.sections).toHaveLength(1);
  const [section] = record.sections;
  expect(section.rows).toBe(1);
  const cells = section.columns.map((column) =>
    column.kind === 'number' ? column.values[0] : (column.dictionary[column.index[0] - 1] ?? null),
  );
  return [Buffer.from(section.keyBytes).toString(), section.times[0], ...cells];
}

const at = (fields: string) => `{"meter":"m1","ts":${ARRIVAL},${fields}}`;

describe('a group of readings', () => {
  it('routes a topic to the source that takes it and fills fields from its levels', () => {
    const builder = new GroupBuilder(testSite());
    expect(builder.matches('meters/7/power')).toBe(true);
    expect(builder.matches('meters/7/8/power')).toBe(false);
    expect(builder.matches('meters/power')).toBe(false);
    expect(builder.matches('$SYS/7/power')).toBe(false);
    expect(readingOf(at('"kwh":1'), 'rooms/küche/power')).toEqual([
      'm1',
      ARRIVAL,
      1000,
      NaN,
      null,
      NaN,
      'küche',
    ]);
    expect(readingOf(at('"room":"hall"'), 'rooms/attic/power')[6]).toBe('attic');
    expect(readingOf(`{"ts":${ARRIVAL},"meter":"other"}`, 'keyed/m9')[0]).toBe('m9');
    expect(reasonsOf(`{"ts":${ARRIVAL}}`, 'keyed/')).toEqual(['malformed']);
    expect(reasonsOf(`{"ts":${ARRIVAL}}`, `keyed/${'k'.repeat(129)}`)).toEqual(['impossible']);
  });

  it('takes wildcards to the end and leaves $ topics to those who name them', () => {
    const sources = [{ from: '#', filter: '#', topicFields: [] }];
    const builder = new GroupBuilder(testSite({ sources }));
    expect(builder.matches('a/b/c')).toBe(true);
    expect(builder.matches('$SYS/a')).toBe(false);
  });

  it('puts every reading into the section of its key, in the order of arrival', () => {
    const builder = new GroupBuilder(testSite());
    for (let pack = 0; pack < 5; pack++) {
      const readings = Array.from({ length: 100 }, (_, meter) => ({
        meter: `m${meter}`,
        ts: ARRIVAL,
        watts: pack,
      }));
      builder.add(TOPIC, Buffer.from(JSON.stringify(readings)), ARRIVAL);
    }
    expect(builder.readings).toBe(500);
    expect(builder.bytes).toBeGreaterThan(500);
    const record = builder.take(9, ARRIVAL + 3, false);
    expect([record.seq, record.wallMs, record.clockTrusted]).toEqual([9, ARRIVAL + 3, false]);
    expect(record.sections.reduce((rows, section) => rows + section.rows, 0)).toBe(500);
    for (const section of record.sections) {
      let from = 0;
      section.keyEnds.forEach((end, key) => {
        expect(section.keyHashes[key]).toBe(hashBytes(section.keyBytes, from, end));
        expect(shardOfHash(section.keyHashes[key])).toBe(section.shard);
        from = end;
      });
      const [, watts] = section.columns;
      if (watts.kind !== 'number') throw new Error('a number was expected');
      expect([...watts.values]).toEqual([...watts.values].sort((a, b) => a - b));
    }
    expect([builder.readings, builder.bytes, builder.setAsideCount]).toEqual([0, 0, 0]);
    expect(builder.take(10, ARRIVAL, true).sections).toEqual([]);
  });

  it('reads times in ISO 8601 and as epochs of four magnitudes, cut to the millisecond', () => {
    const spellings = [
      '"2025-11-20T21:00:00Z"',
      '"2025-11-20 22:00:00.000+01:00"',
      '"2025-11-20T17:30-0330"',
      '1763672400',
      '1763672400.0009',
      '"1763672400"',
      '1763672400000',
      '1763672400000999',
      '1763672400000999999',
    ];
    for (const time of spellings) expect(readingOf(`{"meter":"m1","ts":${time}}`)[1], time).toBe(ARRIVAL);
  });

  it('reads numbers exactly and rounds half away from nought at the last decimal that is kept', () => {
    const kwh = (number: string) => readingOf(at(`"kwh":${number}`))[2];
    expect(kwh('12345.678')).toBe(12_345_678);
    expect(kwh('1.0005')).toBe(1001);
    expect(kwh('-1.0005')).toBe(-1001);
    expect(kwh('1.00049999999999999999999999')).toBe(1000);
    expect(kwh('"0012.5"')).toBe(12_500);
    expect(kwh('12e-1')).toBe(1200);
    expect(Object.is(kwh('-0'), 0)).toBe(true);
    expect(Object.is(kwh('-0.0001'), 0)).toBe(true);
  });

  it('takes a bool as a word, a digit or on and off', () => {
    const bools = ['true', 'false', '1', '0', '"on"', '"OFF"'];
    expect(bools.map((bool) => readingOf(at(`"on":${bool}`))[5])).toEqual([1, 0, 1, 0, 1, 0]);
    expect(reasonsOf(at('"on":2'))).toEqual(['malformed']);
  });

  it('sets a reading dated past the bound aside as a wrong clock (row 24)', () => {
    expect(reasonsOf('{"meter":"m1","ts":"2100-01-01T00:00:00Z"}')).toEqual(['clock']);
    expect(reasonsOf(`{"meter":"m1","ts":${ARRIVAL + LIMITS.futureMs + 1}}`)).toEqual(['clock']);
    expect(reasonsOf(`{"meter":"m1","ts":${ARRIVAL + LIMITS.futureMs}}`)).toEqual([]);
  });

  it('sets numbers that cannot be aside and takes -0 for 0 (row 26)', () => {
    expect(reasonsOf(at('"kwh":1e309'))).toEqual(['impossible']);
    expect(reasonsOf(at('"kwh":"NaN"'))).toEqual(['impossible']);
    expect(reasonsOf(at('"kwh":"-Infinity"'))).toEqual(['impossible']);
    expect(reasonsOf(at('"kwh":NaN'))).toEqual(['malformed']);
    expect(reasonsOf(at('"watts":-0'))).toEqual([]);
  });

  it('keeps integers past 2^53 exact or sets them aside (row 27)', () => {
    expect(readingOf(at('"watts":4503599627370496'))[3]).toBe(2 ** 52);
    for (const past of ['4503599627370497', '9007199254740993', '123456789012345678901234567890']) {
      expect(reasonsOf(at(`"watts":${past}`))).toEqual(['impossible']);
    }
    expect(readingOf(`{"meter":9007199254740993,"ts":${ARRIVAL}}`)[0]).toBe('9007199254740993');
  });

  it('sets impossible dates aside (row 28)', () => {
    const dates = [
      '"2025-02-30T00:00:00Z"',
      '"2025-02-29T00:00Z"',
      '"2025-13-01T00:00Z"',
      '"2025-01-01T24:00Z"',
      '0',
      '-5',
    ];
    for (const date of dates) expect(reasonsOf(`{"meter":"m1","ts":${date}}`), date).toEqual(['impossible']);
    for (const text of ['"yesterday"', 'true', 'null', '[]']) {
      expect(reasonsOf(`{"meter":"m1","ts":${text}}`), text).toEqual(['malformed']);
    }
    expect(readingOf('{"meter":"m1","ts":"2024-02-29T00:00Z"}')[1]).toBe(Date.UTC(2024, 1, 29));
  });

  it('sets empty, cut and non-JSON payloads aside whole, with what came (row 33)', () => {
    for (const payload of ['', ' ', '[]', '{', '[{"meter":"m1"', 'hello', '42', `${at('"kwh":1')}x`]) {
      const record = recordOf(payload);
      expect(record.sections).toEqual([]);
      expect(record.setAside).toEqual([
        {
          stream: 'electricity',
          reason: 'malformed',
          topic: TOPIC,
          payload: new Uint8Array(Buffer.from(payload)),
          payloadBytes: payload.length,
        },
      ]);
    }
    expect(
      reasonsOf(Uint8Array.from([...Buffer.from('{"meter":"m'), 0xff, ...Buffer.from(`","ts":${ARRIVAL}}`)])),
    ).toEqual(['malformed']);
  });

  it('leaves nothing behind of a pack that breaks off', () => {
    const builder = new GroupBuilder(testSite());
    builder.add(TOPIC, Buffer.from(at('"state":"NY"')), ARRIVAL);
    builder.add(TOPIC, Buffer.from(`[{"meter":"gone","ts":${ARRIVAL},"state":"CA"},{`), ARRIVAL);
    builder.add(TOPIC, Buffer.from(`{"meter":"m2","ts":${ARRIVAL}}`), ARRIVAL);
    const record = builder.take(1, ARRIVAL, true);
    const keys = record.sections.map((section) => Buffer.from(section.keyBytes).toString());
    expect(keys.sort()).toEqual(['m1', 'm2']);
    expect(record.setAside).toHaveLength(1);
  });

  it('sets only the bad object of a pack aside, as its own text', () => {
    const record = recordOf(`[${at('"kwh":1')}, {"meter":"m2"} ,7,${at('"kwh":2')}]`);
    expect(record.sections[0].rows).toBe(2);
    expect(record.setAside.map((message) => Buffer.from(message.payload).toString())).toEqual([
      '{"meter":"m2"}',
      '7',
    ]);
  });

  it('refuses nesting past its bound, however deep (row 34)', () => {
    expect(reasonsOf('['.repeat(250_000))).toEqual(['malformed']);
    expect(reasonsOf(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toEqual(['malformed']);
    const deep = (depth: number) => at(`"x":${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(reasonsOf(deep(LIMITS.jsonDepth - 1))).toEqual([]);
    expect(reasonsOf(deep(LIMITS.jsonDepth))).toEqual(['malformed']);
  });

  it('takes __proto__ and constructor for names like any other (row 35)', () => {
    const names = '"__proto__":{"kwh":1},"constructor":{"prototype":{"kwh":2}},"toString":3';
    expect(readingOf(at(names))[2]).toBeNaN();
    expect(({} as Record<string, unknown>).kwh).toBeUndefined();
    const fields = [field('__proto__', 'number'), field('constructor', 'text')];
    const record = recordOf(
      at('"__proto__":7,"constructor":"x"'),
      TOPIC,
      new GroupBuilder(testSite({ fields })),
    );
    expect(record.sections[0].columns).toEqual([
      { kind: 'number', values: Float64Array.of(7) },
      { kind: 'text', dictionary: ['x'], index: Uint32Array.of(1) },
    ]);
  });

  it('refuses payloads and packs past their size', () => {
    expect(reasonsOf(`{"a":"${'x'.repeat(LIMITS.payloadBytes)}"}`)).toEqual(['malformed']);
    const reading = `{"meter":1,"ts":${ARRIVAL / 1000}}`;
    const pack = (size: number) => `[${Array(size).fill(reading).join()}]`;
    expect(pack(LIMITS.packReadings).length).toBeGreaterThan(LIMITS.payloadBytes);
    expect(
      reasonsOf(
        `[${Array(LIMITS.packReadings + 1)
          .fill('1')
          .join()}]`,
      ),
    ).toEqual(['malformed']);
    expect(reasonsOf(`[${Array(LIMITS.packReadings).fill('1').join()}]`)).toHaveLength(LIMITS.packReadings);
  });

  it('counts what it sets aside past the bytes that it keeps', () => {
    const builder = new GroupBuilder(testSite());
    const big = Buffer.from(`"${'x'.repeat(5000)}`);
    for (let message = 0; message < 1000; message++) builder.add(TOPIC, big, ARRIVAL);
    expect(builder.setAsideCount).toBe(1000);
    const { setAside } = builder.take(1, ARRIVAL, true);
    expect(setAside[0].payload).toHaveLength(LIMITS.quarantinePayloadBytes);
    expect(setAside.every((message) => message.payloadBytes === big.length)).toBe(true);
    expect(setAside.reduce((bytes, message) => bytes + message.payload.length, 0)).toBe(256 * 1024);
  });

  it('counts long texts and topics in its bytes, so that a record is cut before it is too large', () => {
    const builder = new GroupBuilder(testSite());
    let texts = 0;
    while (builder.bytes < LIMITS.recordBytes && texts < LIMITS.recordReadings) {
      const state = String(texts++).padStart(LIMITS.textBytes, 's');
      builder.add(TOPIC, Buffer.from(at(`"state":"${state}"`)), ARRIVAL);
    }
    expect(texts).toBeLessThan(LIMITS.recordBytes / LIMITS.textBytes);
    const long = `meters/${'t'.repeat(60_000)}/power`;
    builder.add(long, Buffer.from(`[${Array(LIMITS.packReadings).fill('1').join()}]`), ARRIVAL);
    const record = builder.take(1, ARRIVAL, true);
    const bytes = encodeRecord(record);
    expect(bytes.length).toBeLessThan(2 * LIMITS.recordBytes);
    expect(decodeRecord(bytes)).toEqual(record);
  });

  it('takes levels of the topic as they are, up to their bounds', () => {
    const keyOf = (key: string) => readingOf(`{"ts":${ARRIVAL}}`, `keyed/${key}`)[0];
    for (const key of ['m1', 'küche', '\u{1f600}', 'é'.repeat(64), 'k'.repeat(128)])
      expect(keyOf(key)).toBe(key);
    expect(reasonsOf(`{"ts":${ARRIVAL}}`, `keyed/${'é'.repeat(65)}`)).toEqual(['impossible']);
    expect(reasonsOf(`{"ts":${ARRIVAL}}`, 'keyed/a\u0001')).toEqual(['impossible']);
    const room = 'r'.repeat(LIMITS.textBytes + 1);
    expect(reasonsOf(at('"kwh":1'), `rooms/${room}/power`)).toEqual(['impossible']);
    expect(reasonsOf(at('"kwh":1'), `rooms/${room.slice(1)}/power`)).toEqual([]);
    const builder = new GroupBuilder(testSite({ sources: [{ from: '#', filter: '#', topicFields: [] }] }));
    expect(builder.matches(Array(LIMITS.topicLevels).fill('a').join('/'))).toBe(true);
    expect(
      builder.matches(
        Array(LIMITS.topicLevels + 1)
          .fill('a')
          .join('/'),
      ),
    ).toBe(false);
    expect(builder.matches('/')).toBe(true);
  });

  it('gives each topic its own fields, whichever came before it and whatever was taken meanwhile', () => {
    const builder = new GroupBuilder(testSite());
    const meters = Array.from({ length: 200 }, (_, meter) => `m${(meter * 37) % 50}`);
    for (const group of [meters, meters.toReversed()]) {
      for (const meter of group) builder.add(`keyed/${meter}`, Buffer.from(`{"ts":${ARRIVAL}}`), ARRIVAL);
      builder.add('rooms/attic/power', Buffer.from(at('"kwh":1')), ARRIVAL);
      const record = builder.take(1, ARRIVAL, true);
      const rows = record.sections.reduce((sum, section) => sum + section.rows, 0);
      const keys = record.sections.reduce((sum, section) => sum + section.keyEnds.length, 0);
      expect([rows, keys, record.setAside.length]).toEqual([201, 50, 0]);
    }
  });

  it('gives the same sections however the readings are split into payloads', () => {
    const reading = fc.record({
      meter: fc.integer({ min: 0, max: 30 }).map((meter) => `m${meter}`),
      ts: fc.integer({ min: ARRIVAL - 1000, max: ARRIVAL }),
      watts: fc.nat(3),
      state: fc.constantFrom('NY', 'CA', null),
    });
    fc.assert(
      fc.property(fc.array(fc.array(reading, { minLength: 1, maxLength: 20 }), { maxLength: 6 }), (packs) => {
        const inPacks = new GroupBuilder(testSite());
        for (const pack of packs) inPacks.add(TOPIC, Buffer.from(JSON.stringify(pack)), ARRIVAL);
        const single = new GroupBuilder(testSite());
        for (const one of packs.flat()) single.add(TOPIC, Buffer.from(JSON.stringify(one)), ARRIVAL);
        expect(single.take(1, ARRIVAL, true)).toEqual(inPacks.take(1, ARRIVAL, true));
      }),
      { numRuns: 200 },
    );
  });
});
