import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
  return buildRecord(site.streams[0], 3, seq, { wallMs: WALL_MS + seq * 1000, clockTrusted: true, readings });
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
  const make = () =>
    new Archiver({ site, file, log, entry, logger, nowMs: () => WALL_MS }, { dir: place, format });
  return { place, make };
}

const expected = (seq: number) =>
  Array.from({ length: 5 }, (_, at) => ({
    time: WALL_MS + seq * 1000 + at,
    meter: `m${at}`,
    kwh: (seq * 10 + at) / 1000,
    watts: at === 3 ? null : at / 10,
    state: at % 2 ? 'NY' : null,
    seq,
  }));

test.each(['parquet', 'csv'] as const)(
  'raw is in files of %s once, run after run and start after start',
  async (format) => {
    const { place, make } = await bench(format, format);
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
  },
  60_000,
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

test('what cannot be written is no archive', async () => {
  const { place, make } = await bench('full', 'csv');
  mkdirSync(place);
  // Where the folder of the files belongs there is a file.
  writeFileSync(join(place, 'raw'), '');
  const archiver = make();
  expect(await archiver.run(40)).toBe(0);
  expect(archiver.status()).toMatchObject({ archivedSeq: 0, fault: expect.stringMatching(/EEXIST|ENOTDIR/) });
}, 240_000);
