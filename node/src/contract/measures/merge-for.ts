import { ByteReader, ByteWriter } from './byte-writer.ts';
import { mergeChunks } from './chunk.ts';
import { mergeHistory } from './history-chunk.ts';
import { mergeKeyStates } from './key-state.ts';
import { mergeSwaps } from './swaps-entry.ts';

/** What a table's values merge by: the values of one entry into one. Every merge is associative and exact. */
export function mergeFor(table: string): (values: Uint8Array[]) => Uint8Array {
  const kind = table.split('/', 1)[0];
  switch (kind) {
    case 'roll':
      return mergeChunks;
    case 'history':
      return mergeHistory;
    case 'keys':
      return mergeKeyStates;
    case 'ledger':
      return mergeCounts;
    case 'marks':
    case 'reshaped':
      return mergeMarks;
    case 'swaps':
      return mergeSwaps;
    case 'tuples':
      return (values) => values[0];
    default:
      throw new Error(`there is no merge for the table ${table}`);
  }
}

const writer = new ByteWriter();

export function encodeCounts(counts: Float64Array): Uint8Array {
  writer.reset();
  // Zeros at the end are left out: a count that came with a later version makes no other bytes of an old one.
  let length = counts.length;
  while (length > 0 && counts[length - 1] === 0) length--;
  for (let at = 0; at < length; at++) writer.unsigned(counts[at]);
  return writer.take();
}

/** Counts that a longer list has more of are zero in a shorter one. */
export function addCounts(into: Float64Array, bytes: Uint8Array): void {
  const reader = new ByteReader(bytes);
  for (let at = 0; at < into.length && !reader.done; at++) into[at] += reader.unsigned();
}

/** More kinds of count than there will be. */
const MAX_COUNTS = 64;

function mergeCounts(values: Uint8Array[]): Uint8Array {
  if (values.length === 1) return values[0];
  const sum = new Float64Array(MAX_COUNTS);
  for (const value of values) addCounts(sum, value);
  return encodeCounts(sum);
}

export function encodeMark(watermark: number): Uint8Array {
  writer.reset();
  writer.signed(watermark);
  return writer.take();
}

export function decodeMark(bytes: Uint8Array): number {
  return new ByteReader(bytes).signed();
}

function mergeMarks(values: Uint8Array[]): Uint8Array {
  return encodeMark(Math.max(...values.map(decodeMark)));
}
