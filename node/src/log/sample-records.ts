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
  clockTrusted?: boolean;
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
    clockTrusted: sample.clockTrusted ?? true,
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

/** CRC-32, "plain", length, sequence, and the record in JSON: tests of the log do not depend on the real format. */
export const plainCodec: Required<RecordCodec> = {
  encode(record) {
    const body = Buffer.from(JSON.stringify(record, plain));
    const bytes = Buffer.alloc(HEAD_BYTES + body.length);
    bytes.write(MAGIC, 4);
    bytes.writeUInt32BE(bytes.length, 9);
    bytes.writeDoubleBE(record.seq, 13);
    bytes.set(body, HEAD_BYTES);
    bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
    return Uint8Array.from(bytes);
  },
  check(bytes) {
    if (bytes.length < HEAD_BYTES) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return view.getUint32(0) === crc32(bytes.subarray(4)) ? view.getFloat64(13) : null;
  },
  decode(bytes) {
    if (plainCodec.check(bytes) === null) return null;
    return JSON.parse(new TextDecoder().decode(bytes.subarray(HEAD_BYTES)), unplain);
  },
  *carve(bytes) {
    const buffer = Buffer.from(bytes);
    for (let at = buffer.indexOf(MAGIC); at >= 4; at = buffer.indexOf(MAGIC, at + 1)) {
      if (at + HEAD_BYTES > buffer.length) return;
      const record = buffer.subarray(at - 4, at - 4 + buffer.readUInt32BE(at + 5));
      const seq = plainCodec.check(record);
      if (seq !== null) yield { seq, bytes: record };
    }
  },
};

const MAGIC = 'plain';
const HEAD_BYTES = 21;
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
