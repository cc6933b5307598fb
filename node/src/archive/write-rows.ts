import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { csvLine } from './csv.ts';
import type { Cell, ColumnSpec, Format, Row } from './row.ts';

/** Rows of one group of a Parquet file, which is what is held in memory. */
const GROUP_ROWS = 20_000;
const TEXT_BYTES = 64 * 1024;

type Rows = AsyncIterable<Row> | Iterable<Row>;

/** Written beside and renamed when it is whole and synced; answers how many rows. */
export async function writeFileOfRows(
  file: string,
  format: Format,
  columns: ColumnSpec[],
  rows: Rows,
): Promise<number> {
  const beside = `${file}.part`;
  try {
    const count =
      format === 'parquet'
        ? await writeParquet(beside, columns, rows)
        : await toStream(beside, format, columns, rows);
    const handle = await open(beside, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
    return count;
  } catch (fault) {
    await rm(beside, { force: true });
    throw fault;
  }
}

async function toStream(
  file: string,
  format: 'csv' | 'ndjson',
  columns: ColumnSpec[],
  rows: Rows,
): Promise<number> {
  const stream = createWriteStream(file);
  const ended = once(stream, 'close');
  const count = await writeText(stream, format, columns, rows);
  stream.end();
  await ended;
  return count;
}

/** Waits for whoever reads: memory does not grow with the rows. */
export async function writeText(
  to: Writable,
  format: 'csv' | 'ndjson',
  columns: ColumnSpec[],
  rows: Rows,
): Promise<number> {
  let count = 0;
  let text = format === 'csv' ? csvLine(columns.map(({ name }) => name)) : '';
  const flush = async () => {
    const piece = text;
    text = '';
    if (!to.write(piece)) await once(to, 'drain');
  };
  for await (const row of rows) {
    count++;
    text +=
      format === 'csv'
        ? csvLine(columns.map(({ name }) => row[name] ?? null))
        : `${JSON.stringify(Object.fromEntries(columns.map(({ name }) => [name, row[name] ?? null])))}\n`;
    if (text.length >= TEXT_BYTES) await flush();
  }
  if (text !== '') await flush();
  return count;
}

const PARQUET_TYPES = { time: 'TIMESTAMP', number: 'DOUBLE', text: 'STRING', bool: 'BOOLEAN' } as const;

async function writeParquet(file: string, columns: ColumnSpec[], rows: Rows): Promise<number> {
  const { fileWriter, parquetWriteRows } = await import('hyparquet-writer');
  let count = 0;
  async function* counted() {
    for await (const row of rows) {
      count++;
      yield Object.fromEntries(columns.map(({ name, type }) => [name, parquetCell(row[name] ?? null, type)]));
    }
  }
  await parquetWriteRows({
    writer: fileWriter(file),
    rows: counted(),
    columns: columns.map(({ name, type }) => ({ name, type: PARQUET_TYPES[type] })),
    rowGroupSize: GROUP_ROWS,
  });
  return count;
}

function parquetCell(cell: Cell, type: ColumnSpec['type']): Cell | Date {
  return type === 'time' && cell !== null ? new Date(Number(cell)) : cell;
}
