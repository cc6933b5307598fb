import '../testing/in-english.ts';
import type { LedgerAnswer, StatusAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { findings, reconciles } from './health.ts';

const WELL: StatusAnswer = {
  version: '1',
  site: 'Riverside',
  ready: true,
  reasons: [],
  startedAt: 0,
  log: { first: 1, last: 9, segments: 1, bytes: 1, state: 'ok', fsyncMsP99: 3 },
  shards: [{ shard: 0, thread: 0, applied: 9, checkpointed: 9, keys: 1, state: 'serving' }],
  lagRecords: 0,
  readingsPerSecond: 5,
  clients: 1,
  clock: 'synced',
  storage: { storeBytes: 1, logBytes: 1, freeBytes: 12e9 },
  wear: {
    writtenBytes: 1,
    bytesPerReading: 1,
    sinceMs: 0,
    totalBytes: 5e9,
    perDayBytes: 1.2e9,
    devicePerDayBytes: null,
    amplification: 3.1,
    monthsLeft: null,
    budgetPerDayBytes: null,
    checkpointEveryMs: 300_000,
  },
  memory: { rssBytes: 1 },
  archive: null,
  reconciled: null,
};

const LEDGER: LedgerAnswer = {
  received: 110,
  counted: 100,
  onTime: 90,
  lateMerged: 10,
  duplicate: 5,
  quarantined: { malformed: 2, clock: 1 },
  rejected: { size: 2 },
};

test('a board that is well has no findings', () => {
  expect(findings(WELL, LEDGER)).toEqual([]);
});

test.each<[Partial<StatusAnswer>, string]>([
  [{ log: { ...WELL.log, state: 'full' } }, 'The disk is full: readings are not taken in'],
  [{ log: { ...WELL.log, state: 'failed' } }, 'The disk refuses writes: readings are not taken in'],
  [{ log: { ...WELL.log, fsyncMsP99: 900 } }, 'The disk is slow: a write takes 900 ms'],
  [{ shards: [{ ...WELL.shards[0], state: 'damaged' }] }, 'Shard 0 is damaged'],
  [{ ready: false, reasons: ['shard 3 is replaying'] }, 'Getting ready'],
  [{ lagRecords: 4_000 }, 'Counting is 4,000 records behind'],
  [{ clock: 'unsynced' }, 'The clock is not set'],
  [{ readingsPerSecond: 0 }, 'No readings are coming in'],
  [{ storage: { ...WELL.storage, freeBytes: 3e8 } }, 'Only 300\u00a0MB of disk are free'],
])('%j is told in words with what to do', (fault, text) => {
  const [first] = findings({ ...WELL, ...fault }, LEDGER);
  expect(first.text).toBe(text);
  expect(first.advice.length).toBeGreaterThan(20);
});

test('the worst is told first', () => {
  const found = findings({ ...WELL, clock: 'unsynced', log: { ...WELL.log, state: 'full' } }, LEDGER);
  expect(found.map((one) => one.level)).toEqual(['bad', 'warn']);
});

test('a ledger that does not add up is a finding', () => {
  expect(reconciles(LEDGER)).toBe(true);
  expect(reconciles({ ...LEDGER, counted: 99 })).toBe(false);
  expect(findings(WELL, { ...LEDGER, received: 111 })[0].level).toBe('bad');
});
