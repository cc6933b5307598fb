import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupBuilder } from '../reading/group-builder.ts';
import type { LogRecord } from '../reading/section.ts';
import { hashBytes, shardOfHash } from '../reading/shard-of.ts';
import { type Meaning, meaningOf, type Reading } from './testing/oracle.ts';
import { brokenPayload, payloadText } from './testing/payloads.ts';
import { testSite } from './testing/test-site.ts';

const ARRIVAL = 1_763_672_400_000;
const site = testSite();
const arrivalSite = testSite({ timeField: null });

function readingsOf(record: LogRecord): Reading[] {
  return record.sections.flatMap((section) => {
    const { fields } = record.layouts[section.layout];
    return Array.from({ length: section.rows }, (_, row) => {
      const key = section.keyIndex[row];
      const bytes = section.keyBytes.subarray(key === 0 ? 0 : section.keyEnds[key - 1], section.keyEnds[key]);
      const cells: Reading['cells'] = {};
      section.columns.forEach((column, at) => {
        const value = column.kind === 'number' ? column.values[row] : column.index[row];
        if (column.kind === 'number' && !Number.isNaN(value)) cells[fields[at].name] = value;
        if (column.kind === 'text' && value > 0) cells[fields[at].name] = column.dictionary[value - 1];
      });
      return { key: Buffer.from(bytes).toString(), time: section.times[row], cells };
    });
  });
}

function shardOf(reading: Reading): number {
  const key = Buffer.from(reading.key);
  return shardOfHash(hashBytes(key, 0, key.length));
}

function asMaps(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return new Map(Object.entries(value));
}

/** One builder for all payloads, as in life: nothing of one may show in the next. */
function agreesWithOracle(of: typeof site, builder: GroupBuilder, payload: Uint8Array): void {
  const meaning: Meaning = meaningOf(of.streams[0], payload, ARRIVAL);
  builder.add('meters/7/power', payload, ARRIVAL);
  const record = builder.take(1, ARRIVAL, true);
  expect(readingsOf(record)).toEqual(meaning.readings.sort((a, b) => shardOf(a) - shardOf(b)));
  expect(record.setAside.map((message) => message.reason)).toEqual(
    meaning.aside.map((aside) => aside.reason),
  );
  meaning.aside.forEach(({ value }, at) => {
    const { payload: kept, payloadBytes } = record.setAside[at];
    if (kept.length < payloadBytes) return;
    if (value === payload) expect(Buffer.from(kept).equals(payload)).toBe(true);
    else expect(JSON.parse(Buffer.from(kept).toString(), asMaps)).toEqual(value);
  });
}

describe('JSON payloads', () => {
  it('mean what JSON.parse and exact arithmetic say they mean', () => {
    const builder = new GroupBuilder(site);
    fc.assert(
      fc.property(payloadText, (text) => agreesWithOracle(site, builder, Buffer.from(text))),
      { numRuns: 2000 },
    );
  });

  it('mean the same when bytes of them are changed, and never throw', () => {
    const builder = new GroupBuilder(site);
    fc.assert(
      fc.property(brokenPayload, (bytes) => agreesWithOracle(site, builder, bytes)),
      { numRuns: 2000 },
    );
  });

  it('keep their meaning where it was once wrong', () => {
    const builder = new GroupBuilder(site);
    const times = ['2025-00-00T00:00:54.0+1', '2025-00-00T00:00:00.0000000+25:0'];
    for (const ts of times) agreesWithOracle(site, builder, Buffer.from(JSON.stringify({ meter: 'm1', ts })));
  });

  it('take the time of arrival where the stream has no field for it', () => {
    const builder = new GroupBuilder(arrivalSite);
    fc.assert(
      fc.property(payloadText, (text) => agreesWithOracle(arrivalSite, builder, Buffer.from(text))),
      { numRuns: 500 },
    );
  });
});
