import { crc32 } from 'node:zlib';
import { hashBytes, type LogRecord, type Section, shardOfHash } from '../contract/index.ts';
import type { RecordCodec } from './record-codec.ts';

/** Records for tests of logs: small, plain to read, the same for the same arguments. */
export interface Sample {
  stream?: string;
  keys?: string[];
  /** Event time of the first reading; each further one is a second later. */
  fromMs?: number;
  wallMs?: number;
}

const text = new TextEncoder();

export function keyHashOf(key: string): number {
  const bytes = text.encode(key);
  return hashBytes(bytes, 0, bytes.length);
}

/** One section with one reading a key. */
export function sampleRecord(seq: number, sample: Sample = {}): LogRecord {
  const keys = sample.keys ?? [`meter-${seq % 7}`];
  const fromMs = sample.fromMs ?? 1_700_000_000_000 + seq * 1000;
  return {
    seq,
    wallMs: sample.wallMs ?? 1_700_000_000_000 + seq * 1000,
    clockTrusted: true,
    layouts: [
      { stream: sample.stream ?? 'electricity', fields: [{ name: 'kwh', kind: 'number', decimals: 3 }] },
    ],
    sections: [sampleSection(keys, fromMs)],
    setAside: [],
  };
}

function sampleSection(keys: string[], fromMs: number): Section {
  const bytes = keys.map((key) => text.encode(key));
  let end = 0;
  const ends = bytes.map((key) => {
    end += key.length;
    return end;
  });
  return {
    shard: shardOfHash(keyHashOf(keys[0])),
    layout: 0,
    rows: keys.length,
    times: Float64Array.from(keys, (_, row) => fromMs + row * 1000),
    keyIndex: Uint32Array.from(keys, (_, row) => row),
    keyBytes: new Uint8Array(Buffer.concat(bytes)),
    keyEnds: Uint32Array.from(ends),
    keyHashes: Uint32Array.from(keys, keyHashOf),
    columns: [{ kind: 'number', values: Float64Array.from(keys, (_, row) => row * 10) }],
  };
}

/** A format as plain as can be, so that tests of the log do not depend on the format of the records. */
export const plainCodec: RecordCodec = {
  encode(record) {
    const body = text.encode(JSON.stringify(record, plain));
    const bytes = new Uint8Array(12 + body.length);
    const view = new DataView(bytes.buffer);
    view.setFloat64(4, record.seq);
    bytes.set(body, 12);
    view.setUint32(0, crc32(bytes.subarray(4)));
    return bytes;
  },
  check(bytes) {
    if (bytes.length < 12) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return view.getUint32(0) === crc32(bytes.subarray(4)) ? view.getFloat64(4) : null;
  },
  decode(bytes) {
    if (plainCodec.check(bytes) === null) return null;
    return JSON.parse(new TextDecoder().decode(bytes.subarray(12)), unplain);
  },
};

const arrays = { Float64Array, Uint32Array, Uint8Array };

function plain(_: string, value: unknown): unknown {
  for (const [name, type] of Object.entries(arrays)) {
    if (value instanceof type) return { array: name, of: Array.from(value) };
  }
  return value;
}

function unplain(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('array' in value) || !('of' in value)) return value;
  return arrays[value.array as keyof typeof arrays].from(value.of as number[]);
}
