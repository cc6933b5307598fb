import { LIMITS } from '../limits.ts';
import { type Cut, cutByShard, cutSections, type Rows, type RowsColumn } from '../reading/cut-sections.ts';
import type { LogRecord, QuarantineReason, Section, SetAside, StreamLayout } from '../reading/section.ts';
import { MOST } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import { decompress } from './compression.ts';
import { HEADER_BYTES, type Header, isIntact, type RecordFault, readHeader } from './header.ts';
import { readKeys } from './keys.ts';
import { type Inputs, readNumbers } from './numbers.ts';
import { floats, integers, takeBackAll } from './scratch.ts';

const REASONS: QuarantineReason[] = ['malformed', 'impossible', 'conflict', 'clock', 'unknown', 'held'];
const DAMAGED: RecordFault = { fault: 'damaged' };

/** The header of a record, without a check of the rest. */
export function peekRecord(
  bytes: Uint8Array,
): Pick<Header, 'seq' | 'wallMs' | 'clockTrusted' | 'readings'> | RecordFault {
  const header = readHeader(asBuffer(bytes));
  if ('fault' in header) return header;
  const { seq, wallMs, clockTrusted, readings } = header;
  return { seq, wallMs, clockTrusted, readings };
}

/**
 * Bytes of the log back to sections of the shards that are wanted, each with typed arrays of exactly its size. Bytes
 * are trusted only as far as their checksum goes: every count is held against a bound before it allocates.
 */
export function decodeRecord(
  bytes: Uint8Array,
  wanted?: (shard: number) => boolean,
): LogRecord | RecordFault {
  const buffer = asBuffer(bytes);
  const header = readHeader(buffer);
  if ('fault' in header) return header;
  if (!isIntact(buffer) || header.bodyBytes > MOST.bodyBytes) return DAMAGED;
  const packedFrom = HEADER_BYTES + header.storedBytes;
  const body = decompress(buffer.subarray(HEADER_BYTES, packedFrom), header.compression, header.bodyBytes);
  if (body === null) return DAMAGED;
  takeBackAll();
  const from = { body: new ByteReader(body), packed: new ByteReader(buffer.subarray(packedFrom)) };
  return readBody(from, header, wanted);
}

function readBody(
  from: Inputs,
  header: Header,
  wanted?: (shard: number) => boolean,
): LogRecord | RecordFault {
  const { seq, wallMs, clockTrusted } = header;
  const record: LogRecord = { seq, wallMs, clockTrusted, layouts: [], sections: [], setAside: [] };
  const layouts = from.body.count(MOST.layouts);
  let room = MOST.cells;
  for (let at = 0; at < layouts; at++) {
    const layout = readLayout(from.body);
    record.layouts.push(layout);
    const rows = from.body.count(Math.min(MOST.rows, room));
    room -= rows * (layout.fields.length + 4);
    if (room < 0 || from.body.failed) return DAMAGED;
    if (rows === 0) continue;
    const sections = readSections(from, layout, at, rows, wallMs, wanted);
    if (sections === null) return DAMAGED;
    for (const section of sections) record.sections.push(section);
  }
  record.setAside = readSetAside(from.body);
  return from.body.failed || from.packed.failed || from.body.left > 0 ? DAMAGED : record;
}

function readLayout(body: ByteReader): StreamLayout {
  const layout: StreamLayout = { stream: body.text(body.left), fields: [] };
  const fields = body.count(MOST.fields);
  for (let at = 0; at < fields; at++) {
    const name = body.text(body.left);
    const kind = body.byte() === 1 ? 'text' : 'number';
    layout.fields.push({ name, kind, decimals: body.varint() });
  }
  return layout;
}

function readSections(
  from: Inputs,
  layout: StreamLayout,
  at: number,
  rows: number,
  wallMs: number,
  wanted?: (shard: number) => boolean,
): Section[] | null {
  const parts = readParts(from.body, rows);
  const keys = from.body.count(rows);
  const { bytes: keyBytes, ends: keyEnds, hashes: keyHashes } = readKeys(from, keys);
  if (from.body.failed || from.packed.failed) return null;
  const keyIds = readIndex(from, rows, keys);
  const times = floats.lend(rows);
  readNumbers(from, times, rows);
  const base = Math.floor(wallMs);
  for (let row = 0; row < rows; row++) times[row] += base;
  const columns: RowsColumn[] = [];
  const earlier: Float64Array[] = [times];
  for (const field of layout.fields) {
    const column = readColumn(from, field.kind === 'text', rows, earlier);
    if (column.text === null) earlier.push(column.values);
    columns.push(column);
  }
  if (from.body.failed || from.packed.failed) return null;
  const all: Rows = { layout: at, rows, times, keyIds, keyBytes, keyEnds, keyHashes, keys, columns };
  const cut = parts.shards.length > 0 ? cutByParts(all, parts) : cutByShard(all);
  return cut === null ? null : cutSections(all, cut, wanted);
}

/** Sections that are written down, where they do not follow from the keys: shard and rows of each. */
function readParts(body: ByteReader, rows: number): { shards: number[]; ends: number[] } {
  const parts = { shards: [] as number[], ends: [] as number[] };
  const count = body.count(Math.min(MOST.sections, rows));
  let end = 0;
  for (let part = 0; part < count; part++) {
    parts.shards.push(body.count(LIMITS.shards - 1));
    end += body.count(rows - end);
    parts.ends.push(end);
  }
  if (count > 0 && end !== rows) body.fail();
  return parts;
}

/** Keys of such sections: each has its own entries in the dictionary, so a key in two sections is damage. */
function cutByParts(all: Rows, parts: { shards: number[]; ends: number[] }): Cut | null {
  const partOfKey = new Uint16Array(all.keys);
  const seen = new Uint8Array(all.keys);
  for (let row = 0, part = 0; row < all.rows; row++) {
    while (row >= parts.ends[part]) part++;
    const key = all.keyIds[row];
    if (seen[key] === 1 && partOfKey[key] !== part) return null;
    seen[key] = 1;
    partOfKey[key] = part;
  }
  return { shards: parts.shards, partOfKey };
}

function readIndex(from: Inputs, rows: number, below: number): Uint32Array {
  const values = floats.lend(rows);
  readNumbers(from, values, rows);
  const index = integers.lend(rows);
  for (let row = 0; row < rows; row++) {
    const value = values[row];
    index[row] = value >= 0 && value < below ? value : from.body.fail();
  }
  return index;
}

function readColumn(
  from: Inputs,
  isText: boolean,
  rows: number,
  earlier: readonly Float64Array[],
): RowsColumn {
  const { body } = from;
  const values = floats.lend(rows);
  if (!isText) {
    readNumbers(from, values, rows, earlier);
    return { values, entries: 0, text: null };
  }
  const texts: string[] = [];
  const size = body.count(rows);
  for (let entry = 0; entry < size && !body.failed; entry++) texts.push(body.text(body.left));
  readNumbers(from, values, rows);
  for (let row = 0; row < rows; row++)
    if (!(values[row] >>> 0 === values[row] && values[row] <= size)) values[row] = body.fail();
  return { values, entries: size, text: (entry) => texts[entry] };
}

function readSetAside(body: ByteReader): SetAside[] {
  const topics: string[] = [];
  const topicCount = body.count(MOST.setAside);
  for (let at = 0; at < topicCount && !body.failed; at++) topics.push(body.text(body.left));
  const count = body.count(MOST.setAside);
  const messages: SetAside[] = [];
  for (let at = 0; at < count && !body.failed; at++) {
    const stream = body.text(body.left);
    const written = body.text(body.left);
    const reason = REASONS.find((known) => known === written) ?? 'unknown';
    const topic = topics[body.count(topics.length - 1)] ?? '';
    const payloadBytes = body.varint();
    const payload = Uint8Array.from(body.slice(body.varint()));
    messages.push({ stream, reason, topic, payload, payloadBytes });
  }
  return messages;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
