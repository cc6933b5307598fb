import { crc32 } from 'node:zlib';
import { WeirError } from '../contract/index.ts';
import { type FileSum, sumOfFile } from './file-sum.ts';
import { readRows } from './read-rows.ts';
import type { ColumnSpec, Format, Row } from './row.ts';
import { RowChannel } from './row-channel.ts';
import { writeFileOfRows } from './write-rows.ts';

export interface VerifiedFile extends FileSum {
  file: string;
  rows: number;
}

/** A file that counts as written only once all of it was read back and is what was put in. */
export class FileOfRows {
  readonly #file: string;
  readonly #format: Format;
  readonly #columns: ColumnSpec[];
  readonly #channel = new RowChannel();
  readonly #written: Promise<number>;
  #sum = 0;
  #rows = 0;

  constructor(file: string, format: Format, columns: ColumnSpec[]) {
    this.#file = file;
    this.#format = format;
    this.#columns = columns;
    this.#written = writeFileOfRows(file, format, columns, this.#channel);
    // Looked at with every batch and at the end; between them its rejection is nobody's yet.
    this.#written.catch(() => undefined);
  }

  async add(rows: Row[]): Promise<void> {
    for (const row of rows) this.#sum = this.#sumWith(this.#sum, row);
    this.#rows += rows.length;
    await Promise.race([this.#channel.push(rows), this.#written]);
  }

  async finish(): Promise<VerifiedFile> {
    this.#channel.end();
    await this.#written;
    let sum = 0;
    let rows = 0;
    for await (const row of readRows(this.#file, this.#format, this.#columns)) {
      sum = this.#sumWith(sum, row);
      rows++;
    }
    if (rows !== this.#rows || sum !== this.#sum)
      throw new WeirError(
        'WEIR_ARCHIVE_UNAVAILABLE',
        `${this.#file} does not read back as it was written: ${rows} rows of ${this.#rows}`,
      );
    return { file: this.#file, rows, ...(await sumOfFile(this.#file)) };
  }

  #sumWith(sum: number, row: Row): number {
    return crc32(JSON.stringify(this.#columns.map(({ name }) => row[name] ?? null)), sum);
  }
}
