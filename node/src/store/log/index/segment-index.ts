import type { LogRecord } from '../../../contract/index.ts';
import type { LogFind } from '../../../log/port.ts';
import { indexKey, isRecordKey, seqOfKey } from '../record-key.ts';
import type { SegmentDb } from '../segment-db.ts';
import { findInChunk, IndexRun, postingHash, type RunHead, unpackHead } from './index-run.ts';
import { KIND, sealValue, unsealValue } from './sealed-value.ts';
import type { Spans } from './spans.ts';

/** The last part of a segment's index: written when all of it is there. It lists where the heads stand. */
const SEAL_PART = 0xffff;

export interface IndexPut {
  type: 'put';
  key: Uint8Array;
  value: Uint8Array;
}

interface StoredRun {
  head: RunHead;
  /** Its parts stand under this sequence: the head at `part`, the chunks after it. */
  atSeq: number;
  part: number;
}

/**
 * Which records of a segment may hold a reading. Stored runs cover the records up to some sequence, a run in memory
 * those after it. A run is written together with records, under a key that sorts after the newest of them, so that it
 * costs no sync of its own and keeps the keys ascending.
 *
 * Memory: the heads (some bytes a record and stream) and one run of `RUN_POSTINGS` pairs.
 */
export class SegmentIndex {
  #runs: StoredRun[] = [];
  #run: IndexRun;
  /** Cut, but not stored yet. */
  #pending: { head: RunHead; values: Uint8Array[] }[] = [];
  /** Of these, on their way to the disk. */
  #taken: StoredRun[] = [];
  #parts = { atSeq: -1, next: 0 };
  #sealed = false;

  constructor(first: number) {
    this.#run = new IndexRun(first);
  }

  /** The record that it wants to see next. */
  get nextSeq(): number {
    return this.#run.nextSeq;
  }

  get isSealed(): boolean {
    return this.#sealed;
  }

  /**
   * Takes over what is stored. What is damaged, and everything after it, is left out, so that `nextSeq` says where
   * indexing has to go on. Without a seal the heads are looked for among all keys, which reads the segment once.
   */
  static async load(db: SegmentDb, first: number, last: number): Promise<SegmentIndex> {
    const index = new SegmentIndex(first);
    const sealed = await stored(db, KIND.seal, last, SEAL_PART);
    const places = sealed === null ? await findHeads(db, first, last) : decodePlaces(sealed);
    for (const { atSeq, part } of places) {
      const head = await stored(db, KIND.head, atSeq, part);
      if (head === null) continue;
      const run = { head: unpackHead(head), atSeq, part };
      if (run.head.fromSeq !== index.nextSeq || run.head.toSeq > last) continue;
      index.#runs.push(run);
      index.#run = new IndexRun(run.head.toSeq + 1);
      index.#parts = { atSeq, next: part + 1 + run.head.firstHashes.length };
    }
    index.#sealed = sealed !== null && index.nextSeq === last + 1;
    return index;
  }

  /** The records must come in order; null stands for a damaged one. */
  add(record: LogRecord | null): void {
    if (record !== null && this.#run.isFullFor(record)) this.#cut();
    this.#run.add(record);
  }

  /** What is to be stored with the next write, given the newest record that is stored. `stored` says that it was. */
  takePuts(lastSeq: number): IndexPut[] {
    if (this.#parts.atSeq !== lastSeq) this.#parts = { atSeq: lastSeq, next: 0 };
    const puts: IndexPut[] = [];
    this.#taken = this.#pending.map(({ head, values }) => {
      const run = { head, atSeq: lastSeq, part: this.#parts.next };
      for (const value of values) {
        puts.push({ type: 'put', key: indexKey(lastSeq, this.#parts.next++), value });
      }
      return run;
    });
    return puts;
  }

  /** What was taken last is on the disk. */
  stored(): void {
    this.#pending.splice(0, this.#taken.length);
    this.#runs.push(...this.#taken.splice(0));
  }

  sealed(): void {
    this.stored();
    this.#sealed = true;
  }

  /** The rest of the index and its seal; afterwards the segment takes no more records. */
  takeSeal(lastSeq: number): IndexPut[] {
    this.#cut();
    const puts = this.takePuts(lastSeq);
    const places = [...this.#runs, ...this.#taken].map(({ atSeq, part }) => [atSeq, part]);
    const value = sealValue(KIND.seal, new TextEncoder().encode(JSON.stringify(places)));
    return [...puts, { type: 'put', key: indexKey(lastSeq, SEAL_PART), value }];
  }

  /** Null when a part of it turns out to be damaged: it has to be built again. Ascending. */
  async find(query: LogFind, db: SegmentDb): Promise<number[] | null> {
    const found: number[] = [];
    for (const run of this.#runs) {
      const offsets = await this.#findInRun(run, query, db);
      if (offsets === null) return null;
      for (const offset of offsets) found.push(run.head.fromSeq + offset);
    }
    // A cut run that waits for the next write is still whole in memory: nothing of it is read from the disk.
    for (const { head, values } of this.#pending) {
      for (const offset of findInValues(head, values, query)) found.push(head.fromSeq + offset);
    }
    const head = this.#run.head();
    const hit = (hash: number) => this.#run.recordsOf(hash);
    for (const offset of both(head.spans, query, hit)) found.push(head.fromSeq + offset);
    return found;
  }

  /** Event times over all records, by stream. */
  extents(): Map<string, { from: number; to: number }> {
    const extents = new Map<string, { from: number; to: number }>();
    const heads = [...this.#runs, ...this.#pending].map((run) => run.head);
    for (const { spans } of [...heads, this.#run.head()]) {
      for (const [stream, own] of spans) {
        const { from, to } = own.extent();
        const known = extents.get(stream) ?? { from, to };
        extents.set(stream, { from: Math.min(from, known.from), to: Math.max(to, known.to) });
      }
    }
    return extents;
  }

  #cut(): void {
    if (this.#run.isEmpty) return;
    const values = this.#run.cut();
    this.#pending.push({ head: unpackHead(unsealValue(KIND.head, values[0])!), values });
  }

  async #findInRun(run: StoredRun, query: LogFind, db: SegmentDb): Promise<number[] | null> {
    const { head, atSeq, part } = run;
    const inTime = head.spans.get(query.stream)?.overlapping(query.from, query.to) ?? [];
    if (query.keyHash === null || inTime.length === 0) return inTime;
    const hash = postingHash(query.stream, query.keyHash);
    const chunk = chunkOf(head, hash);
    if (chunk < 0) return [];
    const payload = await stored(db, KIND.chunk, atSeq, part + 1 + chunk);
    return payload === null ? null : intersect(inTime, findInChunk(payload, head.firstHashes[chunk], hash));
  }
}

function findInValues(head: RunHead, values: Uint8Array[], query: LogFind): number[] {
  return both(head.spans, query, (hash) => {
    const chunk = chunkOf(head, hash);
    return chunk < 0
      ? []
      : findInChunk(unsealValue(KIND.chunk, values[chunk + 1])!, head.firstHashes[chunk], hash);
  });
}

function both(spans: Map<string, Spans>, query: LogFind, recordsOf: (hash: number) => number[]): number[] {
  const inTime = spans.get(query.stream)?.overlapping(query.from, query.to) ?? [];
  if (query.keyHash === null || inTime.length === 0) return inTime;
  return intersect(inTime, recordsOf(postingHash(query.stream, query.keyHash)));
}

/** The chunk that would hold the hash: the last one that does not begin after it. */
function chunkOf(head: RunHead, hash: number): number {
  let low = 0;
  let high = head.firstHashes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (head.firstHashes[middle] <= hash) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function intersect(a: number[], b: number[]): number[] {
  const inB = new Set(b);
  return a.filter((each) => inB.has(each));
}

/** A part that cannot be read is a part that is damaged: the index is built again, the records are what counts. */
async function stored(db: SegmentDb, kind: number, seq: number, part: number): Promise<Uint8Array | null> {
  const value = await db.get(indexKey(seq, part)).catch(() => undefined);
  return unsealValue(kind, value);
}

/** Every key of the index that could be a head; the kind of the value tells. */
async function findHeads(db: SegmentDb, first: number, last: number) {
  const places: { atSeq: number; part: number }[] = [];
  const keys = db.keys({ gte: indexKey(first - 1, 0), lte: indexKey(last, SEAL_PART - 1) });
  for await (const key of keys) {
    if (isRecordKey(key) || key.length < 11) continue;
    const part = key[9] * 256 + key[10];
    places.push({ atSeq: seqOfKey(key), part });
  }
  return places;
}

function decodePlaces(payload: Uint8Array): { atSeq: number; part: number }[] {
  const places: [number, number][] = JSON.parse(new TextDecoder().decode(payload));
  return places.map(([atSeq, part]) => ({ atSeq, part }));
}
