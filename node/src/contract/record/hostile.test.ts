import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { field, testSite } from '../codec/testing/test-site.ts';
import { GroupBuilder } from '../reading/group-builder.ts';
import type { LogRecord } from '../reading/section.ts';
import { decompress } from './compression.ts';
import { decodeRecord } from './decode.ts';
import { encodeRecord } from './encode.ts';
import { HEADER_BYTES } from './header.ts';

/** Bodies that were made up, under a checksum that is right: whoever writes the log can do that, and rot cannot. */

const ARRIVAL = 1_763_672_400_000;

function sampleRecord(): LogRecord {
  const fields = [
    field('kwh', 'counter', 3),
    field('watts', 'gauge'),
    field('state', 'text'),
    field('on', 'bool'),
  ];
  const builder = new GroupBuilder(testSite({ fields }));
  const readings = Array.from({ length: 80 }, (_, at) => ({
    meter: at % 3 === 0 ? `meter-${at}-x` : `m${at}`,
    ts: ARRIVAL - at * at,
    kwh: at * 1.234,
    watts: at % 7 === 0 ? null : (at * 7919) % 100_003,
    state: ['NY', 'CA', 'TX'][at % 3],
    on: at % 2 === 0,
  }));
  builder.add('meters/7/power', Buffer.from(JSON.stringify(readings)), ARRIVAL);
  builder.add('meters/7/power', Buffer.from('{"meter":1'), ARRIVAL);
  return builder.take(1, ARRIVAL, true);
}

/** The record with its body unpacked, so that a change of a byte is a change of a count or a value. */
function plainRecord(): Uint8Array {
  const bytes = Buffer.from(encodeRecord(sampleRecord()));
  const stored = bytes.readUInt32LE(32);
  const body = decompress(
    bytes.subarray(HEADER_BYTES, HEADER_BYTES + stored),
    bytes[4],
    bytes.readUInt32LE(36),
  );
  const plain = Buffer.concat([
    bytes.subarray(0, HEADER_BYTES),
    body!,
    bytes.subarray(HEADER_BYTES + stored),
  ]);
  plain[4] = 0;
  plain.writeUInt32LE(body!.length, 32);
  return sealed(plain);
}

function sealed(bytes: Buffer): Uint8Array {
  bytes.writeUInt32LE(crc32(bytes.subarray(12), crc32(bytes.subarray(0, 8))), 8);
  return bytes;
}

/** Nothing in it points past its own arrays, so that no reader has to check again. */
function expectSound(record: LogRecord): void {
  for (const section of record.sections) {
    const keys = section.keyEnds.length;
    expect(section.shard).toBeLessThan(24);
    expect(section.keyIndex.every((key) => key < keys)).toBe(true);
    expect(section.keyEnds.every((end, key) => end >= (key === 0 ? 0 : section.keyEnds[key - 1]))).toBe(true);
    expect(section.keyEnds[keys - 1]).toBe(section.keyBytes.length);
    for (const column of section.columns) {
      if (column.kind === 'number') expect(column.values).toHaveLength(section.rows);
      else expect(column.index.every((index) => index <= column.dictionary.length)).toBe(true);
    }
  }
}

describe('a made-up body', () => {
  it('is sound or a fault, whatever bytes of it are changed', () => {
    const plain = plainRecord();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(plain.length - HEADER_BYTES - 1), fc.nat(255)), {
          minLength: 1,
          maxLength: 4,
        }),
        (edits) => {
          const bytes = Buffer.from(plain);
          for (const [at, byte] of edits) bytes[HEADER_BYTES + at] = byte;
          const record = decodeRecord(sealed(bytes));
          if (!('fault' in record)) expectSound(record);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is sound or a fault when it is anything at all', () => {
    const head = Buffer.from(encodeRecord(sampleRecord())).subarray(0, HEADER_BYTES);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (body, packed) => {
        const bytes = Buffer.concat([head, body, packed]);
        bytes[4] = 0;
        bytes.writeUInt32LE(body.length, 32);
        bytes.writeUInt32LE(body.length, 36);
        bytes.writeUInt32LE(packed.length, 40);
        const record = decodeRecord(sealed(bytes));
        if (!('fault' in record)) expectSound(record);
      }),
      { numRuns: 1000 },
    );
  });

  it('that would unpack to a thousand times its size is refused (row 36)', () => {
    const bytes = Buffer.from(encodeRecord(sampleRecord()));
    bytes.writeUInt32LE(0xffffffff, 36);
    expect(decodeRecord(sealed(bytes))).toEqual({ fault: 'damaged' });
    bytes.writeUInt32LE(10, 36);
    expect(decodeRecord(sealed(bytes))).toEqual({ fault: 'damaged' });
  });
});
