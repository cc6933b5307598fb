import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { shardsOfKeys } from '../client/shard-lines.ts';
import { LIMITS, type LogRecord } from '../contract/index.ts';
import { SWAP_STREAM } from '../contract/site/swap-stream.ts';
import { ShardEngine } from '../engine/engine.ts';
import { buildRecord } from '../engine/testing/build-record.ts';
import { MemoryRunStore } from '../engine/testing/memory-run-store.ts';
import type { TestRecord } from '../engine/testing/oracle.ts';
import { testSite } from '../engine/testing/test-site.ts';
import { contractCodec } from '../log/contract-codec.ts';
import { MemoryLog } from '../log/memory-log.ts';
import { archivedRecords, scaledAgain } from '../shard/archived-records.ts';
import { ArchiveRuns } from './archive-runs.ts';
import { Archiver } from './archiver.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-again-'));
afterAll(() => rmSync(dir, { recursive: true }));

const SHARD = 3;
const WALL_MS = Date.UTC(2026, 9, 24, 22);
const site = { ...testSite({ idFields: ['meter', 'ts'] }), retention: { rawMs: 7_200_000, rawBytes: 1e9 } };

const KEYS = Array.from({ length: 400 }, (_, at) => `m${at} é"`)
  .filter((key) => shardsOfKeys([key])?.[0] === SHARD)
  .slice(0, 4);

const reading = fc.record({
  key: fc.constantFrom(...KEYS),
  // Some of it later than raw is kept: what is made of that depends on the time at which it came.
  behind: fc.oneof(fc.integer({ min: -60_000, max: 1_200_000 }), fc.constantFrom(6_000_000, 9_000_000)),
  watts: fc.option(fc.integer({ min: -(2 ** 52), max: 2 ** 52 })),
  kwh: fc.option(fc.integer({ min: 0, max: 2 ** 52 }), { freq: 5 }),
  state: fc.option(fc.constantFrom('NY', '', 'a,"b"\n')),
});
const record = fc.record({
  stepMs: fc.integer({ min: 1, max: 3_000_000 }),
  clockTrusted: fc.boolean(),
  readings: fc.array(reading, { maxLength: 6 }),
  swap: fc.option(fc.record({ key: fc.constantFrom(...KEYS), last: fc.nat(9e6), first: fc.nat(9e6) }), {
    freq: 6,
  }),
});

function logOf(steps: (typeof record extends fc.Arbitrary<infer T> ? T : never)[]): LogRecord[] {
  let wallMs = WALL_MS;
  return steps.map(({ stepMs, clockTrusted, readings, swap }, at) => {
    wallMs += stepMs;
    const held: TestRecord = {
      wallMs,
      clockTrusted,
      readings: readings.map(({ key, behind, watts, kwh, state }) => ({
        key,
        time: wallMs - behind,
        numbers: { watts, kwh },
        texts: { state },
      })),
    };
    if (swap !== null) held.swaps = [{ ...swap, id: `s${at}`, undo: false, at: wallMs - 30_000 }];
    return buildRecord(site.streams[0], SHARD, at + 1, held);
  });
}

function counted(): ShardEngine {
  return new ShardEngine({ site, shard: SHARD, store: new MemoryRunStore() });
}

let places = 0;

test.each(['parquet', 'csv'] as const)(
  'a shard that reads the log from files of %s is the one that read the log itself',
  async (format) => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 2, maxLength: 30 }), async (steps) => {
        const place = join(dir, String(++places));
        mkdirSync(place);
        const log = new MemoryLog({ codec: contractCodec });
        const live = counted();
        for (const one of logOf(steps)) {
          await log.append(one);
          live.apply(one);
        }
        const runs = new ArchiveRuns(join(place, 'runs.ndjson'));
        const entry = new URL('../shard/thread-entry.ts', import.meta.url);
        const logger = pino({ level: 'silent' });
        const file = join(place, 'archive.json');
        const parts = { site, file, runs, life: '', log, entry, logger, nowMs: () => WALL_MS };
        const archiver = new Archiver(parts, { dir: place, format });
        const middle = Math.floor(steps.length / 2);
        for (const to of [middle, steps.length]) expect(await archiver.run(to)).toBe(to);
        const found = runs.before(steps.length + 1, ['electricity']);
        if (found === null || found.why !== null) throw new Error('not all is archived');
        const anew = counted();
        for (const run of found.runs)
          for await (const one of archivedRecords(run, [site.streams[0], SWAP_STREAM])) anew.apply(one);
        expect(anew.position).toBe(live.position);
        expect(anew.swaps()).toEqual(live.swaps());
        expect(anew.hash()).toBe(live.hash());
      }),
      { numRuns: 6 },
    );
  },
  600_000,
);

test('a number of a file is the integer that it was made of', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -LIMITS.scaledMax, max: LIMITS.scaledMax }),
      fc.integer({ min: 0, max: 12 }),
      (scaled, decimals) => {
        expect(scaledAgain(scaled / 10 ** decimals, decimals)).toBe(scaled + 0);
      },
    ),
    { numRuns: 20_000 },
  );
  expect(scaledAgain(null, 3)).toBeNaN();
});
