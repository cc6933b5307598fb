import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { readRows } from '../archive/read-rows.ts';
import type { Row } from '../archive/row.ts';
import { buildRecord } from '../engine/testing/build-record.ts';
import { testSite } from '../engine/testing/test-site.ts';
import { contractCodec } from '../log/contract-codec.ts';
import { MemoryLog } from '../log/memory-log.ts';
import { ArchiveRuns } from './archive-runs.ts';
import { Archiver } from './archiver.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-archive-'));
afterAll(() => rmSync(dir, { recursive: true }));

const site = testSite();
const WALL_MS = Date.UTC(2026, 10, 20, 12);

function record(seq: number) {
  const readings = Array.from({ length: 5 }, (_, at) => ({
    key: `m${at}`,
    time: WALL_MS + seq * 1000 + at,
    numbers: { kwh: seq * 10 + at, watts: at === 3 ? null : at },
    texts: { state: at % 2 ? 'NY' : null },
  }));
  const wallMs = WALL_MS + seq * 1000;
  return buildRecord(site.streams[0], 3, seq, { wallMs, clockTrusted: seq % 20 !== 0, readings });
}

async function rowsBelow(place: string, format: 'parquet' | 'csv'): Promise<Row[]> {
  const stream = join(place, 'raw', 'electricity');
  const columns = [
    { name: 'time', type: 'time' as const },
    { name: 'meter', type: 'text' as const },
    { name: 'kwh', type: 'number' as const },
    { name: 'watts', type: 'number' as const },
    { name: 'state', type: 'text' as const },
    { name: 'seq', type: 'number' as const },
    { name: 'wall', type: 'time' as const },
    { name: 'untrustedSince', type: 'time' as const },
  ];
  const rows: Row[] = [];
  for (const name of readdirSync(stream).sort())
    for await (const row of readRows(join(stream, name), format, columns)) rows.push(row);
  return rows.sort((a, b) => Number(a.seq) - Number(b.seq) || Number(a.time) - Number(b.time));
}

async function bench(name: string, format: 'parquet' | 'csv') {
  const log = new MemoryLog({ codec: contractCodec });
  for (let seq = 1; seq <= 40; seq++) await log.append(record(seq));
  const place = join(dir, name);
  const file = join(dir, `${name}.json`);
  const entry = new URL('../shard/thread-entry.ts', import.meta.url);
  const logger = pino({ level: 'silent' });
  const list = join(dir, `${name}.ndjson`);
  const make = () => {
    const runs = new ArchiveRuns(list);
    return new Archiver(
      { site, file, runs, life: '', log, entry, logger, nowMs: () => WALL_MS },
      { dir: place, format },
    );
  };
  return { place, make, list };
}

const expected = (seq: number) =>
  Array.from({ length: 5 }, (_, at) => ({
    time: WALL_MS + seq * 1000 + at,
    meter: `m${at}`,
    kwh: (seq * 10 + at) / 1000,
    watts: at === 3 ? null : at / 10,
    state: at % 2 ? 'NY' : null,
    seq,
    wall: WALL_MS + seq * 1000,
    // The clock was not trusted at every twentieth record.
    untrustedSince: seq % 20 === 0 ? WALL_MS + (seq - 1) * 1000 : null,
  }));

test.each(['parquet', 'csv'] as const)(
  'raw is in files of %s once, run after run and start after start',
  async (format) => {
    const { place, make, list } = await bench(format, format);
    mkdirSync(place);
    const archiver = make();
    expect(await archiver.run(17)).toBe(17);
    expect(archiver.status()).toMatchObject({ archivedSeq: 17, waitingRecords: 23, files: 1, fault: null });
    const again = make();
    expect(again.archivedSeq).toBe(17);
    expect(await again.run(17)).toBe(17);
    expect(await again.run(40)).toBe(40);
    const all = Array.from({ length: 40 }, (_, at) => expected(at + 1)).flat();
    expect(await rowsBelow(place, format)).toEqual(all);
    const found = new ArchiveRuns(list).before(41, ['electricity']);
    expect(found).toMatchObject({
      runs: [
        {
          from: 1,
          to: 17,
          wallMs: WALL_MS + 1000,
          damaged: 0,
          left: [],
          files: [{ stream: 'electricity', rows: 85 }],
        },
        {
          from: 18,
          to: 40,
          wallMs: WALL_MS + 18_000,
          damaged: 0,
          left: [],
          files: [{ stream: 'electricity', rows: 115 }],
        },
      ],
    });
    expect(new ArchiveRuns(list).before(42, ['electricity'])).toEqual({
      runs: [],
      why: 'record 41 of the log was not archived',
    });
  },
  240_000,
);

test('a directory that is missing, or is another one, holds raw back until it is there again', async () => {
  const { place, make } = await bench('usb', 'parquet');
  const archiver = make();
  expect(await archiver.run(10)).toBe(0);
  expect(archiver.status()?.fault).toMatch(/no directory/);
  mkdirSync(place);
  expect(await archiver.run(10)).toBe(10);
  // The disk is taken off: what is left is an empty place to mount it.
  renameSync(place, `${place}-disk`);
  mkdirSync(place);
  expect(await archiver.run(40)).toBe(10);
  expect(archiver.status()?.fault).toMatch(/archived to before/);
  rmSync(place, { recursive: true });
  renameSync(`${place}-disk`, place);
  expect(await archiver.run(40)).toBe(40);
  expect(archiver.status()?.fault).toBeNull();
  expect(await rowsBelow(place, 'parquet')).toHaveLength(200);
}, 240_000);

test('archived records are known by a list; what is incomplete is told, and never read again', async () => {
  const { place, make, list } = await bench('list', 'csv');
  mkdirSync(place);
  expect(new ArchiveRuns(list).before(1, ['electricity'])).toBeNull();
  await make().run(10);
  // Half a line that a power cut left, and a run that was written again after it.
  appendFileSync(list, '{"version":1,"from":11,"to":');
  await make().run(20);
  const runs = new ArchiveRuns(list);
  expect(runs.before(21, ['electricity'])).toMatchObject({ runs: [{ to: 10 }, { from: 11, to: 20 }] });
  const left = { from: 21, to: 30, wallMs: WALL_MS, damaged: 0, left: ['gas'], files: [], trustedTo: 0 };
  runs.append(left);
  expect(runs.before(31, ['electricity'])).toMatchObject({ runs: [{}, {}, { to: 30 }] });
  expect(runs.before(31, ['gas'])).toMatchObject({ runs: [], why: expect.stringMatching(/readings of gas/) });
  runs.append({ ...left, damaged: 2 });
  expect(runs.before(31, ['electricity'])).toMatchObject({
    runs: [],
    why: '2 of the records 21 to 30 could not be archived',
  });
  expect(runs.before(21, ['electricity'])).toMatchObject({ runs: [{}, {}], why: null });
  // What comes after a run that is of no use is still read.
  runs.append({ ...left, from: 31, to: 40 });
  expect(runs.before(41, ['electricity'])).toMatchObject({ runs: [{ from: 31 }], why: expect.any(String) });
  // One that reaches over others, as after a crash before it was noted how far it is.
  runs.append({ ...left, from: 15, to: 38 });
  expect(runs.before(41, ['electricity'])).toMatchObject({
    runs: [{ from: 1 }, { from: 11 }, { from: 15 }, { from: 31 }],
    why: null,
  });
  rmSync(join(place, 'raw'), { recursive: true });
  expect(runs.before(21, ['electricity'])).toMatchObject({
    runs: [{ from: 15 }],
    why: expect.stringMatching(/is not there/),
  });
}, 240_000);

test('the list of what is archived is of this form', async () => {
  const list = join(dir, 'golden.ndjson');
  const line =
    '{"version":1,"from":1,"to":9,"damaged":0,"files":[],"left":["gas"],"wallMs":1795500000000,"trustedTo":1795600000000}';
  writeFileSync(list, `\n${line}\n`);
  const runs = new ArchiveRuns(list);
  const clock = { wallMs: 1_795_500_000_000, trustedTo: 1_795_600_000_000 };
  const run = { from: 1, to: 9, damaged: 0, files: [], left: ['gas'], ...clock };
  expect(runs.before(10, ['electricity'])).toEqual({ runs: [run], why: null });
  runs.append(run);
  expect(readFileSync(list, 'utf8')).toBe(`\n${line}\n\n${line}\n`);
  // Nor does what is none of it; and a device is no file, whatever it gives to read.
  const device = { stream: 'electricity', file: '/dev/zero', rows: 0, bytes: 0, crc: 0 };
  const lines = [
    'null',
    '[]',
    '{"version":1}',
    line.replace('"to":9', '"to":"9"'),
    line.replace('"from":1', '"from":0'),
  ];
  const odd = JSON.stringify({ version: 1, ...run, files: [device] });
  writeFileSync(list, [...lines, odd].join('\n'));
  expect(new ArchiveRuns(list).before(10, ['electricity'])).toEqual({
    runs: [],
    why: '/dev/zero is not there, or is not what was archived',
  });
  // A later version's runs mean nothing to this one.
  writeFileSync(list, line.replace('"version":1', '"version":2'));
  expect(new ArchiveRuns(list).before(10, ['electricity'])).toBeNull();
});

test('what cannot be written is no archive', async () => {
  const { place, make } = await bench('full', 'csv');
  mkdirSync(place);
  // Where the folder of the files belongs there is a file.
  writeFileSync(join(place, 'raw'), '');
  const archiver = make();
  expect(await archiver.run(40)).toBe(0);
  expect(archiver.status()).toMatchObject({ archivedSeq: 0, fault: expect.stringMatching(/EEXIST|ENOTDIR/) });
}, 240_000);
