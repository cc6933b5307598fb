import { decodeRecord, hashBytes, type LogRecord, type Section } from '@weir/node/contract';

const KEYS = 5000;
const T0 = 1_700_000_000_000;
const names = Array.from({ length: KEYS }, (_, at) => Buffer.from(`meter-${at}`));

/**
 * Records that follow from their sequence alone, so that each can be checked: up to 8,000 readings with
 * values that do not compress, so that some hundred fill a segment.
 */
export function chaosRecord(seq: number): LogRecord {
  const random = randomOf(seq);
  const rows = 1 + (random() % 8000);
  return {
    seq,
    wallMs: T0 + seq * 1000,
    clockTrusted: true,
    layouts: [{ stream: 'electricity', fields: [{ name: 'kwh', kind: 'number', decimals: 3 }] }],
    sections: [section(rows, random)],
    setAside: [],
  };
}

function section(rows: number, random: () => number): Section {
  const count = Math.min(rows, 500);
  const first = random() % (KEYS - count);
  const keys = names.slice(first, first + count);
  let end = 0;
  return {
    shard: 0,
    layout: 0,
    rows,
    times: Float64Array.from({ length: rows }, () => T0 + (random() % 3_600_000)),
    keyIndex: Uint32Array.from({ length: rows }, (_, row) => (row < count ? row : random() % count)),
    keyBytes: new Uint8Array(Buffer.concat(keys)),
    keyEnds: Uint32Array.from(keys, (key) => {
      end += key.length;
      return end;
    }),
    keyHashes: Uint32Array.from(keys, (key) => hashBytes(key, 0, key.length)),
    columns: [{ kind: 'number', values: Float64Array.from({ length: rows }, () => random() % 2 ** 24) }],
  };
}

/** The same numbers for the same seed, on every machine. */
function randomOf(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** Whether the bytes hold what was appended under their sequence: as many readings, with the same sums. */
export function isChaosRecord(seq: number, bytes: Uint8Array): boolean {
  const record = decodeRecord(bytes);
  return !('fault' in record) && sumsOf(record) === sumsOf(chaosRecord(seq));
}

function sumsOf({ seq, sections }: LogRecord): string {
  let rows = 0;
  let times = 0;
  let values = 0;
  for (const section of sections) {
    rows += section.rows;
    for (const time of section.times) times += time - T0;
    for (const column of section.columns) {
      if (column.kind === 'number') for (const value of column.values) values += value;
    }
  }
  return `${seq} ${rows} ${times} ${values}`;
}

/** Small segments, so that a few seconds see them made, sealed and forgotten. */
export const CHAOS_LOG = {
  segmentBytes: 6 * 1024 * 1024,
  ballastBytes: 0,
  keepBytes: 24 * 1024 * 1024,
};
