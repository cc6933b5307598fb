import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CsvSplitter, csvLine } from './csv.ts';
import { readRows } from './read-rows.ts';
import { type ColumnSpec, FORMATS, type Row } from './row.ts';
import { writeFileOfRows } from './write-rows.ts';

const COLUMNS: ColumnSpec[] = [
  { name: 'time', type: 'time' },
  { name: 'kwh', type: 'number' },
  { name: 'state', type: 'text' },
  { name: 'open', type: 'bool' },
];

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-rows-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function all(rows: AsyncIterable<Row>): Promise<Row[]> {
  const read: Row[] = [];
  for await (const row of rows) read.push(row);
  return read;
}

const row: fc.Arbitrary<Row> = fc.record({
  time: fc.integer({ min: 0, max: 4e12 }),
  kwh: fc.option(fc.integer({ min: -1e9, max: 1e9 }).map((n) => n / 1000)),
  state: fc.option(fc.oneof(fc.string(), fc.constantFrom('', '"', ',', '\r\n', 'é,"ü"\n'))),
  open: fc.option(fc.boolean()),
});

describe.each(FORMATS)('%s', (format) => {
  test('gives back what was written', async () => {
    const file = join(dir, `rows.${format}`);
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 30 }), async (rows) => {
        expect(await writeFileOfRows(file, format, COLUMNS, rows)).toBe(rows.length);
        expect(await all(readRows(file, format, COLUMNS))).toEqual(rows);
      }),
      { numRuns: 40 },
    );
  });

  test('leaves nothing behind when the rows fail', async () => {
    const before = await readdir(dir);
    const rows = (async function* () {
      yield { time: 1, kwh: 1, state: 'a', open: true };
      throw new Error('no more');
    })();
    await expect(writeFileOfRows(join(dir, `none.${format}`), format, COLUMNS, rows)).rejects.toThrow(
      'no more',
    );
    expect(await readdir(dir)).toEqual(before);
  });
});

test('a Parquet file of more rows than one group is read in parts', async () => {
  const file = join(dir, 'many.parquet');
  const rows = Array.from({ length: 45_000 }, (_, at) => ({
    time: at,
    kwh: at / 8,
    state: `s${at % 7}`,
    open: null,
  }));
  await writeFileOfRows(file, 'parquet', COLUMNS, rows);
  let at = 0;
  for await (const read of readRows(file, 'parquet', COLUMNS)) expect(read).toEqual(rows[at++]);
  expect(at).toBe(45_000);
  expect((await readFile(file)).length).toBeLessThan(45_000 * 12);
});

test('CSV is the same in pieces of any size, with any end of a line', () => {
  const records = [
    ['a', 'b,c', null],
    ['say "hi"', '', 'x\ny'],
  ];
  const text = records.map((record) => csvLine(record)).join('');
  for (const whole of [text, text.replaceAll('\n', '\r\n').replace('x\r\ny', 'x\ny')])
    for (let size = 1; size < 9; size++) {
      const splitter = new CsvSplitter();
      const read: (string | null)[][] = [];
      for (let at = 0; at < whole.length; at += size)
        for (const record of splitter.push(whole.slice(at, at + size))) read.push(record);
      expect(splitter.end()).toBeNull();
      expect(read).toEqual(records);
    }
});

test('a last line without an end is a record, a quote that is not closed is a fault', async () => {
  const file = join(dir, 'open.csv');
  await writeFile(file, 'time,kwh,else\n5,1.5,x');
  expect(await all(readRows(file, 'csv', COLUMNS))).toEqual([{ time: 5, kwh: 1.5 }]);
  await writeFile(file, 'time,state\n5,"x');
  await expect(all(readRows(file, 'csv', COLUMNS))).rejects.toThrow(/not closed/);
});
