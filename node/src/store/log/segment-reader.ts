import type { LogEntry } from '../../log/port.ts';
import type { RecordCodec } from '../../log/record-codec.ts';
import { isRecordKey, recordKey, seqOfKey } from './record-key.ts';
import type { SegmentDb } from './segment-db.ts';

const BATCH_RECORDS = 256;
const BATCH_BYTES = 512 * 1024;

type Check = RecordCodec['check'];

/**
 * Records `from` to `to` of one segment, in order, every sequence exactly once. LevelDB answers wrong values and
 * wrong keys after a flipped bit without a word, so only the record itself is believed: its checksum, and the
 * sequence inside it. What is missing between two sound records is asked for singly, and is damaged if that fails.
 */
export async function* readRecords(
  db: SegmentDb,
  from: number,
  to: number,
  check: Check,
): AsyncGenerator<LogEntry> {
  let expected = from;
  while (expected <= to) {
    const start = expected;
    for await (const { seq, bytes } of soundRecords(db, expected, to, check)) {
      for (; expected < seq; expected++) yield getRecord(db, expected, check);
      yield { seq, bytes };
      expected++;
    }
    // Nothing sound came: the rest of the range is broken here, or a block in the way cannot be read at all.
    if (expected === start) yield getRecord(db, expected++, check);
  }
}

export async function getRecord(db: SegmentDb, seq: number, check: Check): Promise<LogEntry> {
  try {
    const bytes = await db.get(recordKey(seq));
    return { seq, bytes: bytes !== undefined && check(bytes) === seq ? bytes : null };
  } catch (fault) {
    // A block that cannot be read is damage of the records in it, not of the segment.
    if (db.status !== 'open') throw fault;
    return { seq, bytes: null };
  }
}

/** Ends early where a block cannot be read. */
async function* soundRecords(
  db: SegmentDb,
  from: number,
  to: number,
  check: Check,
): AsyncGenerator<{ seq: number; bytes: Uint8Array }> {
  const range = { gte: recordKey(from), lte: recordKey(to) };
  const iterator = db.iterator({ ...range, highWaterMarkBytes: BATCH_BYTES, fillCache: false });
  let expected = from;
  try {
    for (;;) {
      const batch = await nextOrNone(db, iterator);
      if (batch.length === 0) return;
      for (const [key, bytes] of batch) {
        if (!isRecordKey(key)) continue;
        const seq = check(bytes);
        if (seq === null || seq < expected || seq > to) continue;
        expected = seq + 1;
        yield { seq, bytes };
      }
    }
  } finally {
    await iterator.close();
  }
}

async function nextOrNone(
  db: SegmentDb,
  iterator: { nextv(size: number): Promise<[Uint8Array, Uint8Array][]> },
): Promise<[Uint8Array, Uint8Array][]> {
  try {
    return await iterator.nextv(BATCH_RECORDS);
  } catch (fault) {
    if (db.status !== 'open') throw fault;
    return [];
  }
}

/**
 * The newest sequence of a segment that was not closed: that of the newest sound record, and of the damaged ones that
 * follow it without a gap, because a damaged record was acknowledged all the same and its sequence is taken. LevelDB
 * itself drops a torn tail, which was not. Answers `first - 1` for a segment without records.
 */
export async function newestSeq(db: SegmentDb, first: number, check: Check): Promise<number> {
  const iterator = db.iterator({ gte: recordKey(first), reverse: true, highWaterMarkBytes: BATCH_BYTES });
  const damaged: number[] = [];
  try {
    for (;;) {
      const batch = await iterator.nextv(16);
      if (batch.length === 0) return contiguous(first - 1, damaged);
      for (const [key, bytes] of batch) {
        if (!isRecordKey(key)) continue;
        const seq = check(bytes);
        if (seq !== null && seq >= first) return contiguous(seq, damaged);
        damaged.push(seqOfKey(key));
      }
    }
  } finally {
    await iterator.close();
  }
}

function contiguous(from: number, descending: number[]): number {
  let seq = from;
  while (descending.includes(seq + 1)) seq++;
  return seq;
}
