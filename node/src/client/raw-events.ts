import {
  type Column,
  decodeRecord,
  type EventsAnswer,
  type EventsQuestion,
  hashBytes,
  type LogRecord,
  type QuarantineAnswer,
  type StreamSpec,
} from '../contract/index.ts';

/** Readings as they came, out of records of the log. */

type Event = EventsAnswer['events'][number];

/** The hash of the one key that is asked for, so that the log's index can pass over records without it. */
export function keyHashOf(stream: StreamSpec, question: EventsQuestion): number | null {
  const keys = question.where[stream.keyField];
  if (keys?.length !== 1) return null;
  const bytes = new TextEncoder().encode(keys[0]);
  return hashBytes(bytes, 0, bytes.length);
}

export function eventsOf(record: LogRecord, stream: StreamSpec, question: EventsQuestion): Event[] {
  const events: Event[] = [];
  const types = new Map(stream.fields.map((field) => [field.name, field.type]));
  for (const section of record.sections) {
    const layout = record.layouts[section.layout];
    if (layout.stream !== stream.name) continue;
    const keys = keyTexts(section.keyBytes, section.keyEnds);
    for (let row = 0; row < section.rows; row++) {
      if (section.times[row] < question.from || section.times[row] >= question.to) continue;
      const event: Event = {
        time: section.times[row],
        [stream.keyField]: keys[section.keyIndex[row]],
        seq: record.seq,
      };
      layout.fields.forEach((field, at) => {
        event[field.name] = cellOf(
          section.columns[at],
          row,
          field.decimals,
          types.get(field.name) === 'bool',
        );
      });
      if (matches(event, question)) events.push(event);
    }
  }
  return events;
}

function keyTexts(bytes: Uint8Array, ends: Uint32Array): string[] {
  const decoder = new TextDecoder();
  return Array.from(ends, (end, at) => decoder.decode(bytes.subarray(at === 0 ? 0 : ends[at - 1], end)));
}

function cellOf(
  column: Column,
  row: number,
  decimals: number,
  bool: boolean,
): string | number | boolean | null {
  if (column.kind === 'text')
    return column.index[row] === 0 ? null : column.dictionary[column.index[row] - 1];
  const value = column.values[row];
  if (Number.isNaN(value)) return null;
  // Division by a power of ten rounds once; a product with 10^-d would round twice.
  return bool ? value !== 0 : value / 10 ** decimals;
}

function matches(event: Event, question: EventsQuestion): boolean {
  for (const [field, values] of Object.entries(question.where))
    if (!values.includes(String(event[field]))) return false;
  return true;
}

/** Records are read in this many at a time, newest first, until the limit is met. */
export const RECORDS_AT_ONCE = 64;

export function decodeEntry(bytes: Uint8Array | null): LogRecord | null {
  if (bytes === null) return null;
  const record = decodeRecord(bytes);
  return 'fault' in record ? null : record;
}

/** Messages of a record that were set aside, newest first. */
export function setAsideOf(record: LogRecord, stream: string | null): QuarantineAnswer['messages'] {
  return record.setAside
    .filter((one) => one.reason !== 'held' && (stream === null || one.stream === stream))
    .map((one): QuarantineAnswer['messages'][number] => ({
      seq: record.seq,
      time: record.wallMs,
      stream: one.stream,
      topic: one.topic,
      reason: one.reason,
      ...textOf(one.payload),
      payloadBytes: one.payloadBytes,
    }))
    .reverse();
}

function textOf(payload: Uint8Array): { payload: string; encoding: 'utf8' | 'base64' } {
  const bytes = Buffer.from(payload);
  const text = bytes.toString('utf8');
  // Bytes that are no UTF-8 do not survive the way there and back.
  return Buffer.from(text, 'utf8').equals(bytes)
    ? { payload: text, encoding: 'utf8' }
    : { payload: bytes.toString('base64'), encoding: 'base64' };
}
