import { strict as assert } from 'node:assert';
import type { LogRecord, Section, SetAside, StreamLayout } from '../reading/section.ts';
import { MOST } from './bounds.ts';
import { PACK_PADDING } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { compress } from './compression.ts';
import { HEADER_BYTES, writeHeader } from './header.ts';
import { writeKeys } from './keys.ts';
import { mergeSections } from './merge-sections.ts';
import { type Outputs, writeNumbers } from './numbers.ts';

/** Encoding is synchronous, so one pair of writers serves all records of a thread. */
const out: Outputs = { body: new ByteWriter(), packed: new ByteWriter() };

/**
 * A group as bytes of the log. Readings stand column after column over all shards, in the order of arrival where the
 * sections know it: sections of a few dozen rows would each pay for their own dictionaries and break every run.
 */
export function encodeRecord(record: LogRecord): Uint8Array {
  const { body, packed } = out;
  body.restart();
  packed.restart();
  let readings = 0;
  body.varint(record.layouts.length);
  record.layouts.forEach((layout, at) => {
    const sections = record.sections.filter((section) => section.layout === at && section.rows > 0);
    for (const section of sections) readings += section.rows;
    writeLayout(layout);
    writeSections(sections, record.wallMs);
  });
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

function writeSections(sections: Section[], wallMs: number): void {
  const { body } = out;
  if (sections.length === 0) {
    body.varint(0);
    return;
  }
  const merged = mergeSections(sections);
  body.varint(merged.rows);
  body.varint(merged.byHash ? 0 : sections.length);
  if (!merged.byHash) {
    for (const section of sections) {
      body.varint(section.shard);
      body.varint(section.rows);
    }
  }
  body.varint(merged.keys.count);
  writeKeys(out, merged.keys);
  writeNumbers(out, merged.keyIds, merged.rows);
  for (let row = 0; row < merged.rows; row++) merged.times[row] -= wallMs;
  writeNumbers(out, merged.times, merged.rows);
  for (const column of merged.columns) {
    if (column.texts !== null) {
      body.varint(column.texts.length);
      for (const text of column.texts) body.text(text);
    }
    writeNumbers(out, column.values, merged.rows);
  }
}

function writeSetAside(messages: SetAside[]): void {
  const { body } = out;
  body.varint(messages.length);
  for (const message of messages) {
    body.text(message.stream);
    body.text(message.reason);
    body.text(message.topic);
    body.varint(message.payloadBytes);
    body.varint(message.payload.length);
    body.slice(message.payload, 0, message.payload.length);
  }
}
