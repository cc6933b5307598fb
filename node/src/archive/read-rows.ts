import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CsvSplitter } from './csv.ts';
import { type Cell, type ColumnSpec, cellOf, type Format, type Row } from './row.ts';

/** Rows of a Parquet file that are decoded at a time. */
const WINDOW_ROWS = 20_000;

/**
 * The rows of a file, as few at a time as the format allows. `columns` says what texts of a CSV file mean; a column that
 * it does not name is left out.
 */
export function readRows(file: string, format: Format, columns: ColumnSpec[]): AsyncGenerator<Row> {
  switch (format) {
    case 'csv':
      return readCsv(file, columns);
    case 'ndjson':
      return readNdjson(file);
    case 'parquet':
      return readParquet(file);
  }
}

async function* readCsv(file: string, columns: ColumnSpec[]): AsyncGenerator<Row> {
  const splitter = new CsvSplitter();
  let head: (ColumnSpec | null)[] | null = null;
  const rowOf = (record: (string | null)[]): Row | null => {
    if (head === null) {
      head = record.map((name) => columns.find((column) => column.name === name) ?? null);
      return null;
    }
    const cells = head.flatMap((column, at): [string, Cell][] =>
      column === null ? [] : [[column.name, cellOf(record[at] ?? null, column.type)]],
    );
    return Object.fromEntries(cells);
  };
  for await (const piece of createReadStream(file, { encoding: 'utf8' }))
    for (const record of splitter.push(piece as string)) {
      const row = rowOf(record);
      if (row !== null) yield row;
    }
  const last = splitter.end();
  const row = last === null ? null : rowOf(last);
  if (row !== null) yield row;
}

async function* readNdjson(file: string): AsyncGenerator<Row> {
  const lines = createInterface({ input: createReadStream(file, { encoding: 'utf8' }) });
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const row: unknown = JSON.parse(line);
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      throw new Error('a line is no JSON object');
    yield row as Row;
  }
}

async function* readParquet(file: string): AsyncGenerator<Row> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const buffer = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(buffer);
  const rows = Number(metadata.num_rows);
  for (let from = 0; from < rows; from += WINDOW_ROWS) {
    const rowEnd = Math.min(rows, from + WINDOW_ROWS);
    for (const row of await parquetReadObjects({ file: buffer, metadata, rowStart: from, rowEnd }))
      yield Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, plain(cell)]));
  }
}

function plain(cell: unknown): Cell {
  if (cell instanceof Date) return cell.getTime();
  if (typeof cell === 'bigint') return Number(cell);
  if (typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'boolean') return cell;
  return null;
}
