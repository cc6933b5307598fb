import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { all, codeOf, fill, range, testCommitLog } from '../../log/contract-suite.ts';
import { keyHashOf, plainCodec, sampleRecord } from '../../log/sample-records.ts';
import { openEmbeddedLog } from './embedded-log.ts';
import { type LogNotice, NO_FAULTS } from './options.ts';
import { createSegment } from './segment-files.ts';

testCommitLog('embedded log', async ({ segmentRecords }) => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-log-'));
  const rotten = new Set<number>();
  let fault: Error | null = null;
  const check = (bytes: Uint8Array) => {
    const seq = plainCodec.check(bytes);
    return seq !== null && rotten.has(seq) ? null : seq;
  };
  const log = await openEmbeddedLog({
    dir,
    codec: { ...plainCodec, check },
    segmentRecords,
    ballastBytes: 0,
    retryMs: 10,
    faults: {
      ...NO_FAULTS,
      beforeWrite: () => {
        if (fault !== null) throw fault;
      },
    },
  });
  return {
    log,
    damage: async (seq) => void rotten.add(seq),
    full: async (on) => {
      fault = on ? new Error('IO error: No space left on device') : null;
    },
    failing: async (on) => {
      fault = on ? new Error('IO error: Input/output error') : null;
    },
    close: async () => {
      await log.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
});

const undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function openAt(more: object = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'weir-log-'));
  const open = () => openEmbeddedLog({ dir, codec: plainCodec, ballastBytes: 0, retryMs: 10, ...more });
  const log = await open();
  undo.push(
    () => rm(dir, { recursive: true, force: true }),
    () => log.close(),
  );
  return { dir, log, open };
}

it('row 12: a rejected record that did reach the disk is gone once the log has recovered', async () => {
  let denied = 0;
  const afterWrite = () => {
    if (denied-- > 0) throw new Error('IO error: Input/output error');
  };
  const { log, open } = await openAt({ faults: { ...NO_FAULTS, afterWrite } });
  await fill(log, 1, 5);
  denied = 1;
  const both = [6, 7].map((seq) => codeOf(log.append(sampleRecord(seq, { stream: 'denied' }))));
  expect(await Promise.all(both)).toEqual(['WEIR_LOG_UNAVAILABLE', 'WEIR_LOG_UNAVAILABLE']);
  await expect.poll(() => log.stats().state).toBe('ok');
  await fill(log, 6, 6, { stream: 'again' });
  await log.close();
  const again = await open();
  expect(again.bounds().last).toBe(6);
  expect(plainCodec.decode((await again.get(6))!.bytes!)).toEqual(sampleRecord(6, { stream: 'again' }));
  await again.close();
});

it('goes on in a segment that an earlier attempt had made and not entered', async () => {
  const { dir, log } = await openAt({ segmentRecords: 5 });
  await (await createSegment(join(dir, 'log'), 6)).close();
  await fill(log, 1, 12);
  expect(await all(log, 1)).toHaveLength(12);
  expect(log.stats().segments).toBe(3);
});

it('row 10: a fault between making a segment and writing to it loses nothing', async () => {
  let faults = 0;
  const beforeWrite = () => {
    if (faults-- > 0) throw new Error('IO error: No space left on device');
  };
  const { log, open } = await openAt({ segmentRecords: 5, faults: { ...NO_FAULTS, beforeWrite } });
  await fill(log, 1, 5);
  faults = 2;
  expect(await codeOf(log.append(sampleRecord(6)))).toBe('WEIR_LOG_FULL');
  await expect.poll(() => log.stats().state).toBe('ok');
  await fill(log, 6, 8);
  await log.close();
  const again = await open();
  expect((await all(again, 1)).every((entry) => entry.bytes !== null)).toBe(true);
  expect(again.bounds()).toEqual({ first: 1, last: 8 });
  await again.close();
});

it('does not forget what is being read', async () => {
  const { log } = await openAt({ segmentRecords: 5 });
  await fill(log, 1, 22);
  const everything = { olderThanWallMs: null, maxBytes: 0, keepFromSeq: 100 };
  const seen: number[] = [];
  for await (const { seq, bytes } of log.read(1)) {
    if (seq === 2) expect(await log.forget(everything)).toMatchObject({ segments: 0 });
    if (bytes !== null) seen.push(seq);
  }
  expect(seen).toEqual(range(1, 22));
  expect(await log.forget(everything)).toMatchObject({ segments: 4 });
});

it('serves reads, questions and forgetting while it is appended to', async () => {
  const notices: LogNotice[] = [];
  const onNotice = (notice: LogNotice) => void notices.push(notice);
  const { log, open } = await openAt({ segmentRecords: 7, maxOpenSegments: 2, onNotice });
  let appending = true;
  const query = { stream: 'electricity', from: 0, to: 4e12, keyHash: keyHashOf('meter-3'), limit: 1000 };
  const readers = [1, 2, 3].map(async (_, reader) => {
    while (appending) {
      // What is answered from memory takes no turn of its own.
      await turn();
      let before = 0;
      for await (const { seq, bytes } of log.read(1)) {
        expect(bytes).not.toBeNull();
        if (before > 0 && seq !== before + 1) expect(seq).toBe(log.bounds().first);
        before = seq;
      }
      const found = await log.find({ ...query, order: reader === 0 ? 'asc' : 'desc' });
      expect(found.every((seq) => seq % 7 === 3)).toBe(true);
    }
  });
  try {
    for (let seq = 1; seq <= 300; seq += 2) {
      await Promise.all([log.append(sampleRecord(seq)), log.append(sampleRecord(seq + 1))]);
      if (seq % 25 === 0) await log.forget({ olderThanWallMs: null, maxBytes: 30_000, keepFromSeq: seq });
    }
  } finally {
    appending = false;
  }
  await Promise.all(readers);
  expect(notices).toEqual([]);
  await log.close();
  const again = await open();
  expect(again.bounds().last).toBe(300);
  expect(await again.scrub()).toEqual([]);
  await again.close();
}, 60_000);
