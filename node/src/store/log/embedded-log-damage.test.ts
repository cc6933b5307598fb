import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { all, codeOf, fill, range } from '../../log/contract-suite.ts';
import { plainCodec, sampleRecord } from '../../log/sample-records.ts';
import { openEmbeddedLog } from './embedded-log.ts';
import type { EmbeddedLogOptions, LogNotice } from './options.ts';
import { segmentDir } from './segment-files.ts';

const dirs: string[] = [];

afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

async function logOf(records: number, segmentRecords = 1000) {
  const dir = await mkdtemp(join(tmpdir(), 'weir-damage-'));
  dirs.push(dir);
  const notices: LogNotice[] = [];
  const open = (more: Partial<EmbeddedLogOptions> = {}) =>
    openEmbeddedLog({
      dir,
      codec: plainCodec,
      segmentRecords,
      ballastBytes: 0,
      onNotice: (notice) => notices.push(notice),
      ...more,
    });
  const log = await open();
  await fill(log, 1, records);
  await log.close();
  return { dir, logDir: join(dir, 'log'), open, notices, kinds: () => notices.map((notice) => notice.kind) };
}

/** The one file of that kind that is not empty. */
async function fileOf(dir: string, ending: string): Promise<string> {
  for (const name of (await readdir(dir)).reverse()) {
    if (name.endsWith(ending) && (await readFile(join(dir, name))).length > 500) return join(dir, name);
  }
  throw new Error(`no ${ending} in ${dir}`);
}

async function flipBit(file: string, seq: number, distance: number): Promise<void> {
  const bytes = await readFile(file);
  const at = bytes.indexOf(`"seq":${seq},`);
  expect(at).toBeGreaterThan(0);
  bytes[at + distance] ^= 1;
  await writeFile(file, bytes);
}

const WITHIN = 60;

it('row 3: a segment that was being made when the power went is made again', async () => {
  const { logDir, open } = await logOf(3);
  // What LevelDB leaves behind at each of its steps.
  const making = join(logDir, 'making-4');
  await open().then((log) => log.close());
  for (const leave of [
    [],
    ['LOCK'],
    ['LOCK', 'MANIFEST-000001'],
    ['LOCK', 'MANIFEST-000001', '000001.dbtmp'],
  ]) {
    await rm(making, { recursive: true, force: true });
    await mkdir(making);
    for (const name of leave) await writeFile(join(making, name), 'x');
    const log = await open();
    expect(log.bounds()).toEqual({ first: 1, last: 3 });
    await log.close();
    expect((await readdir(logDir)).filter((name) => name.startsWith('making'))).toEqual([]);
  }
});

it('row 5: a segment that was being forgotten when the power went stays forgotten', async () => {
  const { logDir, open } = await logOf(12, 5);
  await rename(segmentDir(logDir, 1), join(logDir, 'forgetting-1'));
  const log = await open();
  expect(log.bounds()).toEqual({ first: 6, last: 12 });
  expect(await all(log, 1)).toHaveLength(7);
  await log.close();
  expect((await readdir(logDir)).filter((name) => name.startsWith('forgetting'))).toEqual([]);
});

it('row 15: a torn tail takes only what was being written', async () => {
  const { logDir, open } = await logOf(20);
  const wal = await fileOf(segmentDir(logDir, 1), '.log');
  const bytes = await readFile(wal);
  await truncate(wal, bytes.length - 100);
  const log = await open();
  expect(log.bounds().last).toBe(19);
  await fill(log, 20, 22, { stream: 'after' });
  expect((await all(log, 1)).every((entry) => entry.bytes !== null)).toBe(true);
  await log.close();
});

it('row 16: a flipped bit in the write-ahead log costs the record it is in, and that one is reported', async () => {
  for (const seq of [1, 7, 19]) {
    const { logDir, open, kinds } = await logOf(20);
    await flipBit(await fileOf(segmentDir(logDir, 1), '.log'), seq, WITHIN);
    const log = await open();
    expect(log.bounds().last).toBe(20);
    const damaged = (await all(log, 1)).filter((entry) => entry.bytes === null).map((entry) => entry.seq);
    expect(damaged).toEqual([seq]);
    expect(kinds()).toContain('segment-repaired');
    expect(await log.scrub()).toEqual([seq]);
    await log.close();
  }
});

it('row 16: a lost tail is reported when others have seen more', async () => {
  const { logDir, open, kinds } = await logOf(20);
  await flipBit(await fileOf(segmentDir(logDir, 1), '.log'), 20, WITHIN);
  const log = await open({ knownSeq: 20 });
  expect(kinds()).toContain('tail-lost');
  expect(log.bounds().last).toBe(20);
  expect(await log.get(20)).toEqual({ seq: 20, bytes: null });
  await fill(log, 21, 22);
  expect(await log.scrub()).toEqual([20]);
  await log.close();
});

it('row 17: a flipped bit in a table file is never served', async () => {
  const { logDir, open } = await logOf(20);
  await open().then((log) => log.close());
  await flipBit(await fileOf(segmentDir(logDir, 1), '.ldb'), 7, WITHIN);
  const log = await open();
  const damaged = (await all(log, 1)).filter((entry) => entry.bytes === null).map((entry) => entry.seq);
  expect(damaged).toEqual([7]);
  expect(await log.get(7)).toEqual({ seq: 7, bytes: null });
  expect((await log.get(8))?.bytes).not.toBeNull();
  await log.close();
});

it('row 17: any flipped bit in a table file is reported or harmless', async () => {
  const { logDir, open } = await logOf(40);
  await open().then((log) => log.close());
  const table = await fileOf(segmentDir(logDir, 1), '.ldb');
  const whole = await readFile(table);
  const sound = (await readAll(open)).map((bytes) => Buffer.from(bytes ?? []));
  // Keys, block ends, the index of the table and its foot are hit as well as records.
  for (let at = 3; at < whole.length; at += Math.ceil(whole.length / 45)) {
    const spoiled = Buffer.from(whole);
    spoiled[at] ^= 1 << (at % 8);
    await writeFile(table, spoiled);
    const entries = await readAll(open);
    expect(entries.length).toBe(40);
    entries.forEach((bytes, index) => {
      if (bytes !== null) expect(Buffer.compare(sound[index], bytes)).toBe(0);
    });
    await rm(join(logDir, 'damaged-1'), { recursive: true, force: true });
  }
}, 60_000);

async function readAll(open: () => ReturnType<typeof openEmbeddedLog>): Promise<(Uint8Array | null)[]> {
  const log = await open();
  const entries = await all(log, 1);
  await log.close();
  return entries.map((entry) => entry.bytes);
}

it('row 18: a deleted table file costs its records, the other segments and files go on', async () => {
  const { logDir, open, kinds } = await logOf(23, 10);
  await open().then((log) => log.close());
  const dir = segmentDir(logDir, 11);
  const first = await open();
  await all(first, 1);
  await first.close();
  await rm(await fileOf(dir, '.ldb'));
  const log = await open();
  const entries = await all(log, 1);
  expect(entries.map((entry) => entry.seq)).toEqual(range(1, 23));
  expect(entries.filter((entry) => entry.bytes === null).map((entry) => entry.seq)).toEqual(range(11, 20));
  expect(kinds()).toContain('segment-damaged');
  await fill(log, 24, 25);
  await log.close();
});

it('row 18: a truncated table file costs what was cut off, and nothing else', async () => {
  const { logDir, open } = await logOf(23, 10);
  await readAll(open);
  const table = await fileOf(segmentDir(logDir, 11), '.ldb');
  await truncate(table, Math.floor((await readFile(table)).length / 2));
  const log = await open();
  const damaged = (await all(log, 1)).filter((entry) => entry.bytes === null).map((entry) => entry.seq);
  expect(damaged.every((seq) => seq >= 11 && seq <= 20)).toBe(true);
  expect(log.bounds().last).toBe(23);
  await log.close();
});

it('row 19: without CURRENT nothing is wiped, and the records are found again', async () => {
  const { logDir, open, kinds } = await logOf(23, 10);
  await rm(join(segmentDir(logDir, 1), 'CURRENT'));
  await rm(join(segmentDir(logDir, 21), 'CURRENT'));
  const log = await open();
  expect(log.bounds()).toEqual({ first: 1, last: 23 });
  const entries = await all(log, 1);
  for (const { seq, bytes } of entries) expect(plainCodec.decode(bytes!)).toEqual(sampleRecord(seq));
  expect(kinds()).toContain('segment-repaired');
  await fill(log, 24, 26);
  await log.close();
  expect(await readAll(open)).toHaveLength(26);
});

it('row 19: a newest segment of which nothing is left is refused, not made anew', async () => {
  const { logDir, open } = await logOf(23, 10);
  for (const name of await readdir(segmentDir(logDir, 21))) await rm(join(segmentDir(logDir, 21), name));
  expect(await codeOf(open())).toBe('WEIR_DATA_MISSING');
  expect(await readdir(segmentDir(logDir, 21))).not.toContain('CURRENT');
});

it('refuses a directory that another log has open', async () => {
  const { open } = await logOf(3);
  const log = await open();
  expect(await codeOf(open())).toBe('WEIR_DATA_IN_USE');
  await fill(log, 4, 5);
  await log.close();
});
