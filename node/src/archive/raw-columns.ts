import type { StreamSpec } from '../contract/index.ts';
import type { ColumnSpec } from './row.ts';

/** Names of the columns that tell of a reading's record. A stream that has such a field itself keeps its name for that. */
export interface RecordColumns {
  /** The record of the log. */
  seq: string;
  /** The board's clock when the record was written. */
  wall: string;
  /** Null where the board trusted its clock; else the newest time before that it trusted, 0 where there was none. */
  untrustedSince: string;
}

export function recordColumns(stream: StreamSpec): RecordColumns {
  const taken = new Set([stream.keyField, ...stream.fields.map(({ name }) => name)]);
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name);
  return { seq: free('seq'), wall: free('wall'), untrustedSince: free('untrustedSince') };
}

/** Of a file of raw readings: time, key, the fields as the site file has them, and the record. */
export function rawColumns(stream: StreamSpec): ColumnSpec[] {
  const typeOf = (type: string): ColumnSpec['type'] =>
    type === 'text' ? 'text' : type === 'bool' ? 'bool' : 'number';
  const { seq, wall, untrustedSince } = recordColumns(stream);
  return [
    { name: 'time', type: 'time' },
    { name: stream.keyField, type: 'text' },
    ...stream.fields
      .filter(({ name }) => name !== stream.keyField)
      .map(({ name, type }) => ({ name, type: typeOf(type) })),
    { name: seq, type: 'number' },
    { name: wall, type: 'time' },
    { name: untrustedSince, type: 'time' },
  ];
}

/** A field of the name of the first column hides the time: such rows are for people alone. */
export function keepsTime(stream: StreamSpec): boolean {
  return stream.keyField !== 'time' && stream.fields.every(({ name }) => name !== 'time');
}
