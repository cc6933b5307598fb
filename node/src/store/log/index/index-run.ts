import { ByteReader, ByteWriter, hashBytes, type LogRecord } from '../../../contract/index.ts';
import { HASH_BITS, Postings } from './postings.ts';
import { KIND, sealValue } from './sealed-value.ts';
import { Spans } from './spans.ts';

/** 2 MiB of pairs, and as much again for the 10 ms in which they are sorted and packed. */
const RUN_POSTINGS = 1 << 18;
const RUN_SPANS = 1 << 15;
const CHUNK_BYTES = 16 * 1024;

/** What a run says about its records; the postings are in its chunks, each from its first hash on. */
export interface RunHead {
  fromSeq: number;
  toSeq: number;
  firstHashes: number[];
  spans: Map<string, Spans>;
}

/**
 * Indexes records as they are appended: which keys each holds and the event times of each stream. When it is full it
 * is cut into a run, which is stored beside the records, so that neither sealing nor a restart has to read a segment
 * again. Event times that are not a number (there are none in sound records) would match nothing.
 */
export class IndexRun {
  readonly #postings = new Postings(RUN_POSTINGS);
  #spans = new Map<string, Spans>();
  #spanCount = 0;
  #fromSeq: number;
  #nextSeq: number;

  constructor(fromSeq: number) {
    this.#fromSeq = fromSeq;
    this.#nextSeq = fromSeq;
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  get isEmpty(): boolean {
    return this.#nextSeq === this.#fromSeq;
  }

  /** Whether the run has to be cut before another record of this many keys. */
  isFullFor(record: LogRecord): boolean {
    let keys = 0;
    for (const section of record.sections) keys += section.keyHashes.length;
    return !this.isEmpty && (this.#postings.count + keys > RUN_POSTINGS || this.#spanCount >= RUN_SPANS);
  }

  /** The record after the one before; null for a damaged one, which can hold nothing that could be served. */
  add(record: LogRecord | null): void {
    const offset = this.#nextSeq++ - this.#fromSeq;
    for (const section of record?.sections ?? []) {
      const { stream } = record!.layouts[section.layout];
      const { min, max } = extent(section.times);
      if (min > max) continue;
      // Whole milliseconds, outwards: a record may be named in vain, but never be missed.
      this.#spansOf(stream).add(offset, Math.floor(min), Math.ceil(max));
      this.#spanCount++;
      this.#postings.add(section.keyHashes, saltOf(stream), offset);
    }
  }

  head(): RunHead {
    return { fromSeq: this.#fromSeq, toSeq: this.#nextSeq - 1, firstHashes: [], spans: this.#spans };
  }

  recordsOf(hash: number): number[] {
    return this.#postings.recordsOf(hash);
  }

  /** Values to store: the head, then the chunks. The run is empty afterwards and goes on with the next record. */
  cut(): Uint8Array[] {
    const chunks = packPostings(this.#postings);
    const head = { ...this.head(), firstHashes: chunks.map((chunk) => chunk.firstHash) };
    this.#postings.clear();
    this.#spans = new Map();
    this.#spanCount = 0;
    this.#fromSeq = this.#nextSeq;
    return [packHead(head), ...chunks.map((chunk) => chunk.value)];
  }

  #spansOf(stream: string): Spans {
    const known = this.#spans.get(stream);
    if (known !== undefined) return known;
    const spans = new Spans();
    this.#spans.set(stream, spans);
    return spans;
  }
}

/** Streams share the postings: the hash of a key is told apart by that of its stream. */
export function postingHash(stream: string, keyHash: number): number {
  return ((keyHash ^ saltOf(stream)) >>> 0) >>> (32 - HASH_BITS);
}

const salts = new Map<string, number>();

function saltOf(stream: string): number {
  const known = salts.get(stream);
  if (known !== undefined) return known;
  const bytes = new TextEncoder().encode(stream);
  const salt = hashBytes(bytes, 0, bytes.length);
  // As many as the site file has streams; a name that only a question knows must not stay here for ever.
  if (salts.size < 1024) salts.set(stream, salt);
  return salt;
}

// HOT
function extent(times: Float64Array): { min: number; max: number } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < times.length; row++) {
    if (times[row] < min) min = times[row];
    if (times[row] > max) max = times[row];
  }
  return { min, max };
}

/**
 * Pairs of a step in hashes and a record: the record itself where the hash is new, a step in records where it is the
 * same. Both are a byte most of the time, and where keys return in every record zstd makes next to nothing of them.
 * Measured: 0.1 B a pair for 10k keys in packs, 1.8 B for random ones of 1 M (3.2 B with whole hashes).
 */
// HOT
function packPostings(postings: Postings): { firstHash: number; value: Uint8Array }[] {
  const { hashes, records } = postings.sorted();
  const chunks: { firstHash: number; value: Uint8Array }[] = [];
  const writer = new ByteWriter();
  let firstHash = 0;
  for (let at = 0; at < hashes.length; at++) {
    const isSame = at > 0 && hashes[at] === hashes[at - 1];
    // Postings of one hash are never parted, so that a look-up reads one chunk.
    if (!isSame && writer.length >= CHUNK_BYTES) {
      chunks.push({ firstHash, value: sealValue(KIND.chunk, writer.written()) });
      writer.restart();
    }
    if (writer.length === 0) {
      firstHash = hashes[at];
      writer.varint(0);
      writer.varint(records[at]);
    } else {
      writer.varint(hashes[at] - hashes[at - 1]);
      writer.varint(isSame ? records[at] - records[at - 1] : records[at]);
    }
  }
  if (writer.length > 0) chunks.push({ firstHash, value: sealValue(KIND.chunk, writer.written()) });
  return chunks;
}

/** Records of one hash in an unsealed chunk, ascending, as offsets from the run's first. */
export function findInChunk(chunk: Uint8Array, firstHash: number, hash: number): number[] {
  const reader = new ByteReader(chunk);
  const found: number[] = [];
  let at = firstHash;
  let record = 0;
  for (let isFirst = true; reader.left > 0; isFirst = false) {
    const step = reader.varint();
    const value = reader.varint();
    at += step;
    if (at > hash) return found;
    record = step === 0 && !isFirst ? record + value : value;
    if (at === hash && found[found.length - 1] !== record) found.push(record);
  }
  return found;
}

function packHead(head: RunHead): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(head.fromSeq);
  writer.varint(head.toSeq - head.fromSeq);
  writer.varint(head.firstHashes.length);
  let before = 0;
  for (const hash of head.firstHashes) {
    writer.varint(hash - before);
    before = hash;
  }
  writer.varint(head.spans.size);
  for (const [stream, spans] of head.spans) {
    writer.text(stream);
    spans.write(writer);
  }
  return sealValue(KIND.head, writer.written());
}

export function unpackHead(payload: Uint8Array): RunHead {
  const reader = new ByteReader(payload);
  const fromSeq = reader.varint();
  const toSeq = fromSeq + reader.varint();
  const firstHashes: number[] = [];
  for (let left = reader.varint(), hash = 0; left > 0; left--) {
    hash += reader.varint();
    firstHashes.push(hash);
  }
  const spans = new Map<string, Spans>();
  for (let left = reader.varint(); left > 0; left--) {
    const stream = reader.text(reader.left);
    spans.set(stream, Spans.read(reader));
  }
  return { fromSeq, toSeq, firstHashes, spans };
}
