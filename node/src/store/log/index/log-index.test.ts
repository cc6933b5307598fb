import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import type { LogRecord } from '../../../contract/index.ts';
import { recordMayHold } from '../../../log/find-in-record.ts';
import type { CommitLog, LogFind } from '../../../log/port.ts';
import { keyHashOf, sampleRecord } from '../../../log/sample-records.ts';
import { openEmbeddedLog } from '../embedded-log.ts';
import { indexKey } from '../record-key.ts';
import { openSegmentDb } from '../segment-db.ts';
import { segmentDir } from '../segment-files.ts';

const dirs: string[] = [];

afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

async function freshDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-index-'));
  dirs.push(dir);
  return dir;
}

const HOUR = 3_600_000;
const T0 = 1_700_000_000_000;

/** Enough keys that a few records fill a run. */
function wideRecord(seq: number): LogRecord {
  const keys = Array.from({ length: 20_000 }, (_, at) => `k${(at * 7 + seq * 1013) % 90_000}`);
  return sampleRecord(seq, { keys, fromMs: T0 + ((seq * 5) % 40) * HOUR });
}

const everything: LogFind = {
  stream: 'electricity',
  from: 0,
  to: T0 * 2,
  keyHash: null,
  order: 'asc',
  limit: 1000,
};

async function expectExact(log: CommitLog, records: LogRecord[]): Promise<void> {
  for (const key of ['k0', 'k777', 'k89999', 'k45000', 'no such key']) {
    for (const [from, to] of [
      [0, T0 * 2],
      [T0 + 3 * HOUR, T0 + 17 * HOUR],
    ]) {
      const query = { ...everything, from, to, keyHash: keyHashOf(key) };
      const expected = records.filter((record) => mayHold(record, query)).map((record) => record.seq);
      const found = await log.find(query);
      expect(expected.filter((seq) => !found.includes(seq))).toEqual([]);
      // Hashes are kept in part, so that a record may be named in vain now and then.
      expect(found.length - expected.length).toBeLessThanOrEqual(3);
    }
  }
}

/** The index knows the extent of a record's times, not each of them. */
function mayHold(record: LogRecord, query: LogFind): boolean {
  const { times } = record.sections[0];
  const touches = times[0] <= query.to && times[times.length - 1] >= query.from;
  return touches && recordMayHold(record, { ...query, from: 0, to: Number.MAX_SAFE_INTEGER });
}

it('finds the same from memory, from stored runs, after a restart and in sealed segments', async () => {
  const dir = await freshDir();
  const records = Array.from({ length: 25 }, (_, at) => wideRecord(at + 1));
  let log = await openEmbeddedLog({ dir, ballastBytes: 0, segmentRecords: 16 });
  for (const record of records) await log.append(record);
  await expectExact(log, records);
  await log.close();
  log = await openEmbeddedLog({ dir, ballastBytes: 0, segmentRecords: 16 });
  await expectExact(log, records);
  for (let seq = 26; seq <= 35; seq++) {
    records.push(wideRecord(seq));
    await log.append(wideRecord(seq));
  }
  await expectExact(log, records);
  await log.close();
}, 60_000);

it.each([
  ['heads and seal', (part: number) => part === 0 || part === 0xffff],
  ['chunks', (part: number) => part !== 0 && part !== 0xffff],
])(
  'builds an index again from the records when its %s are damaged',
  async (what, isSpoiled) => {
    const dir = await freshDir();
    const records = Array.from({ length: 18 }, (_, at) => wideRecord(at + 1));
    const notices: string[] = [];
    const onNotice = (notice: { kind: string }) => void notices.push(notice.kind);
    const options = { dir, ballastBytes: 0, segmentRecords: 16 };
    const log = await openEmbeddedLog(options);
    for (const record of records) await log.append(record);
    await log.close();

    const db = await openSegmentDb(segmentDir(join(dir, 'log'), 1));
    for await (const [key, value] of db.iterator({ gte: indexKey(0, 0), lte: indexKey(16, 0xffff) })) {
      if (key.length !== 11 || !isSpoiled(key[9] * 256 + key[10])) continue;
      const spoiled = Uint8Array.from(value);
      spoiled[spoiled.length >> 1] ^= 4;
      await db.put(Uint8Array.from(key), spoiled);
    }
    await db.close();

    const again = await openEmbeddedLog({ ...options, onNotice });
    await expectExact(again, records);
    if (what === 'chunks') expect(notices).toContain('index-lost');
    await again.close();
    const sealed = await openEmbeddedLog({ ...options, onNotice: () => expect.unreachable() });
    await expectExact(sealed, records);
    await sealed.close();
  },
  60_000,
);

it('never misses a record, whatever the times and keys are', async () => {
  const readings = fc.record({
    keys: fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 6 }),
    hour: fc.integer({ min: -3, max: 30 }),
    stream: fc.constantFrom('electricity', 'gas'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(readings, { minLength: 1, maxLength: 25 }), async (groups) => {
      const dir = await freshDir();
      const log = await openEmbeddedLog({ dir, ballastBytes: 0, segmentRecords: 7 });
      const records = groups.map(({ keys, hour, stream }, at) =>
        sampleRecord(at + 1, { keys: keys.map((key) => `k${key}`), fromMs: T0 + hour * HOUR, stream }),
      );
      for (const record of records) await log.append(record);
      for (const stream of ['electricity', 'gas', 'water']) {
        for (const key of [null, 'k3', 'k11', 'k30']) {
          const keyHash = key === null ? null : keyHashOf(key);
          const query = { ...everything, stream, keyHash, from: T0 + 2 * HOUR, to: T0 + 9 * HOUR };
          const expected = records.filter((record) => mayHold(record, query)).map((record) => record.seq);
          expect(await log.find(query)).toEqual(expected);
          const newest = await log.find({ ...query, order: 'desc', limit: 2 });
          expect(newest).toEqual(expected.slice(-2));
        }
      }
      await log.close();
    }),
    { numRuns: 12 },
  );
}, 60_000);
