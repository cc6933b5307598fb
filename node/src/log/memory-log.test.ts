import { expect, it } from 'vitest';
import { codeOf, fill, testCommitLog } from './contract-suite.ts';
import { MemoryLog } from './memory-log.ts';
import { plainCodec, sampleRecord } from './sample-records.ts';

testCommitLog('memory log', async ({ segmentRecords }) => {
  const log = new MemoryLog({ codec: plainCodec, segmentRecords });
  return {
    log,
    damage: async (seq) => log.faults.damage(seq),
    full: async (on) => log.faults.full(on),
    failing: async (on) => log.faults.failing(on),
    close: () => log.close(),
  };
});

it('row 43: a stalled memory log settles nothing until it is let go', async () => {
  const log = new MemoryLog({ codec: plainCodec });
  await fill(log, 1, 2);
  const release = log.faults.stall();
  const appends = [log.append(sampleRecord(3)), log.append(sampleRecord(4))];
  expect(log.bounds().last).toBe(2);
  release();
  await Promise.all(appends);
  expect(log.bounds().last).toBe(4);
});

it('row 15: a torn tail frees the sequences of what was torn off', async () => {
  const log = new MemoryLog({ codec: plainCodec });
  await fill(log, 1, 5);
  log.faults.tear(2);
  expect(log.bounds().last).toBe(3);
  expect(await codeOf(log.append(sampleRecord(4)))).toBe('resolved');
});
