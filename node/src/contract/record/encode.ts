import { strict as assert } from 'node:assert';
import { inArrivalOrder, type WrittenRows } from '../reading/arrival-order.ts';
import type { RowsColumn } from '../reading/cut-sections.ts';
import type { LogRecord, Section, SetAside, StreamLayout } from '../reading/section.ts';
import { MOST } from './bounds.ts';
import { PACK_PADDING } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { compress } from './compression.ts';
import { HEADER_BYTES, writeHeader } from './header.ts';
import { writeKeys } from './keys.ts';
import { areByHash, mergeSections } from './merge-sections.ts';
import { type Outputs, writeNumbers } from './numbers.ts';

/** Encoding is synchronous, so one pair of writers serves all records of a thread. */
const out: Outputs = { body: new ByteWriter(), packed: new ByteWriter() };

/**
 * A group as bytes of the log. Readings stand column after column over all shards, in the order of arrival where that
 * is known: sections of a few dozen rows would each pay for their own dictionaries and break every run.
 */
export function encodeRecord(record: LogRecord): Uint8Array {
  const { body, packed } = out;
  body.restart();
  packed.restart();
  const arrived = inArrivalOrder(record);
  let readings = 0;
  body.varint(record.layouts.length);
  for (let at = 0; at < record.layouts.length; at++) {
    writeLayout(record.layouts[at]);
    const rows = arrived?.[at] ?? writtenSections(record, at);
    if (rows === null) body.varint(0);
    else writeRows(rows, record.wallMs);
    readings += rows === null ? 0 : rows.rows;
  }
  writeSetAside(record.setAside);
  for (let padding = 0; padding < PACK_PADDING; padding++) packed.byte(0);
  assert(readings <= MOST.rows && body.length <= MOST.bodyBytes, 'a group was not cut at its bounds');
  const compressed = compress(body.written());
  const bytes = Buffer.allocUnsafeSlow(HEADER_BYTES + compressed.bytes.length + packed.length);
  bytes.set(compressed.bytes, HEADER_BYTES);
  bytes.set(packed.written(), HEADER_BYTES + compressed.bytes.length);
  writeHeader(bytes, {
    seq: record.seq,
    wallMs: record.wallMs,
    clockTrusted: record.clockTrusted,
    readings,
    compression: compressed.compression,
    storedBytes: compressed.bytes.length,
    bodyBytes: body.length,
    packedBytes: packed.length,
  });
  return new Uint8Array(bytes.buffer);
}

function writeLayout(layout: StreamLayout): void {
  const { body } = out;
  body.text(layout.stream);
  body.varint(layout.fields.length);
  for (const field of layout.fields) {
    body.text(field.name);
    body.byte(field.kind === 'text' ? 1 : 0);
    body.varint(field.decimals);
  }
}

interface RowsInParts extends WrittenRows {
  /** Sections to write down, where they do not follow from the hashes of the keys. */
  parts?: Section[];
}

function writtenSections(record: LogRecord, layout: number): RowsInParts | null {
  const sections = record.sections.filter((section) => section.layout === layout && section.rows > 0);
  if (sections.length === 0) return null;
  const rows = mergeSections(sections, layout);
  return areByHash(sections) ? rows : { ...rows, parts: sections };
}

function writeRows(rows: RowsInParts, wallMs: number): void {
  const { body } = out;
  const count = rows.rows;
  // A whole number, so that whole times stay whole beside a clock that counts fractions.
  const base = Math.floor(wallMs);
  body.varint(count);
  const parts = rows.parts ?? [];
  body.varint(parts.length);
  for (const part of parts) {
    body.varint(part.shard);
    body.varint(part.rows);
  }
  body.varint(rows.keys);
  writeKeys(out, { count: rows.keys, bytes: rows.keyBytes, ends: rows.keyEnds });
  const values = floatsOf(count);
  for (let row = 0; row < count; row++) values[row] = rows.keyIds[row];
  writeNumbers(out, values, count);
  for (let row = 0; row < count; row++) values[row] = rows.times[row] - base;
  writeNumbers(out, values, count);
  const earlier = [rows.times];
  for (const column of rows.columns) {
    if (column.text !== null) writeTexts(column, column.text, count);
    else {
      writeNumbers(out, column.values, count, earlier);
      earlier.push(column.values);
    }
  }
}

/** The texts that the rows use, in the order in which they use them. */
function writeTexts(column: RowsColumn, text: (entry: number) => string, count: number): void {
  const { body } = out;
  const numberOf = new Uint32Array(column.entries + 1);
  const values = floatsOf(count);
  const used: number[] = [];
  for (let row = 0; row < count; row++) {
    const entry = column.values[row];
    if (entry !== 0 && numberOf[entry] === 0) numberOf[entry] = used.push(entry);
    values[row] = numberOf[entry];
  }
  body.varint(used.length);
  for (const entry of used) body.text(text(entry - 1));
  writeNumbers(out, values, count);
}

let floats = new Float64Array(4096);

function floatsOf(count: number): Float64Array {
  if (floats.length < count) floats = new Float64Array(count * 2);
  return floats;
}

/** A pack of ten thousand bad readings has one topic, which may be long: it is written once. */
function writeSetAside(messages: SetAside[]): void {
  const { body } = out;
  const topics = new Map<string, number>();
  for (const { topic } of messages) if (!topics.has(topic)) topics.set(topic, topics.size);
  body.varint(topics.size);
  for (const topic of topics.keys()) body.text(topic);
  body.varint(messages.length);
  for (const message of messages) {
    body.text(message.stream);
    body.text(message.reason);
    body.varint(topics.get(message.topic)!);
    body.varint(message.payloadBytes);
    body.varint(message.payload.length);
    body.slice(message.payload, 0, message.payload.length);
  }
}
