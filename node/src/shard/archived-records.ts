import { rawColumns, recordColumns } from '../archive/raw-columns.ts';
import { readRows } from '../archive/read-rows.ts';
import { type Cell, formatOf, type Row } from '../archive/row.ts';
import { hashBytes, type LogRecord, type Section, type StreamSpec, WeirError } from '../contract/index.ts';
import { ByteDictionary } from '../contract/reading/byte-dictionary.ts';
import { cutByShard, cutSections, type RowsColumn } from '../contract/reading/cut-sections.ts';
import type { FieldSpec } from '../contract/site/model.ts';
import type { ArchivedFile, ArchivedRun } from './archive-messages.ts';

/**
 * The records of a run of the archive as the log had them, as far as some streams are concerned: in their order, with
 * their wall times, each stream's readings in the order in which they stood. Ends with a record without readings at the
 * run's last position. Holds a window of rows a stream.
 */
export async function* archivedRecords(run: ArchivedRun, streams: StreamSpec[]): AsyncGenerator<LogRecord> {
  const open: StreamRows[] = [];
  for (const spec of streams) {
    const file = run.files.find(({ stream }) => stream === spec.name);
    if (file !== undefined) open.push(await StreamRows.open(file, spec));
  }
  let last = run.from - 1;
  for (;;) {
    const seq = Math.min(...open.map((one) => one.seq));
    if (seq === Number.POSITIVE_INFINITY) break;
    const record: LogRecord = { ...emptyRecord(seq), layouts: [], sections: [] };
    for (const one of open) {
      if (one.seq !== seq) continue;
      const { wallMs, untrustedSince, rows } = await one.take();
      record.wallMs = wallMs;
      record.clockTrusted = untrustedSince === null;
      // Records between may have had no readings of these streams, but a time that was trusted.
      if (untrustedSince !== null && untrustedSince > 0 && last < seq - 1)
        yield { ...emptyRecord(seq - 1), wallMs: untrustedSince, clockTrusted: true };
      last = seq;
      for (const section of one.sections(rows, record.layouts.length)) record.sections.push(section);
      record.layouts.push(one.layout);
    }
    yield record;
  }
  if (last < run.to) yield { ...emptyRecord(run.to), wallMs: run.trustedTo, clockTrusted: run.trustedTo > 0 };
}

function emptyRecord(seq: number): LogRecord {
  return { seq, wallMs: 0, clockTrusted: false, layouts: [], sections: [], setAside: [] };
}

interface RowsOfRecord {
  wallMs: number;
  untrustedSince: number | null;
  rows: Row[];
}

/** The rows of one file, a record at a time. */
class StreamRows {
  readonly layout: LogRecord['layouts'][number];
  readonly #spec: StreamSpec;
  readonly #file: ArchivedFile;
  readonly #rows: AsyncGenerator<Row>;
  readonly #names: ReturnType<typeof recordColumns>;
  #head: Row | null = null;
  #read = 0;

  private constructor(file: ArchivedFile, spec: StreamSpec, rows: AsyncGenerator<Row>) {
    this.#file = file;
    this.#spec = spec;
    this.#rows = rows;
    this.#names = recordColumns(spec);
    const fields = spec.fields.map(({ name, type, decimals }) => {
      const kind = type === 'text' ? ('text' as const) : ('number' as const);
      return { name, kind, decimals };
    });
    this.layout = { stream: spec.name, fields };
  }

  static async open(file: ArchivedFile, spec: StreamSpec): Promise<StreamRows> {
    const format = formatOf(file.file);
    if (format === null)
      throw new WeirError('WEIR_ARCHIVE_UNAVAILABLE', `${file.file} is of no known format`);
    const one = new StreamRows(file, spec, readRows(file.file, format, rawColumns(spec)));
    await one.#next();
    return one;
  }

  /** Of the next record; infinite when there is none. */
  get seq(): number {
    return this.#head === null ? Number.POSITIVE_INFINITY : Number(this.#head[this.#names.seq]);
  }

  async take(): Promise<RowsOfRecord> {
    const { seq } = this;
    const head = this.#head!;
    const since = head[this.#names.untrustedSince] ?? null;
    const rows: Row[] = [];
    while (this.seq === seq) {
      rows.push(this.#head!);
      await this.#next();
    }
    if (this.seq < seq)
      throw new WeirError('WEIR_ARCHIVE_UNAVAILABLE', `the rows of ${this.#file.file} are not in order`);
    return {
      wallMs: Number(head[this.#names.wall]),
      untrustedSince: since === null ? null : Number(since),
      rows,
    };
  }

  async #next(): Promise<void> {
    const { value, done } = await this.#rows.next();
    this.#head = done === true ? null : value;
    if (this.#head !== null) this.#read++;
    else if (this.#read !== this.#file.rows)
      throw new WeirError(
        'WEIR_ARCHIVE_UNAVAILABLE',
        `${this.#file.file} has ${this.#read} rows, and ${this.#file.rows} were archived`,
      );
  }

  sections(rows: Row[], layout: number): Section[] {
    const keys = new ByteDictionary();
    const encoder = new TextEncoder();
    const keyIds = Uint32Array.from(rows, (row) => {
      const bytes = encoder.encode(String(row[this.#spec.keyField]));
      return keys.intern(bytes, 0, bytes.length, hashBytes(bytes, 0, bytes.length));
    });
    const all = {
      layout,
      rows: rows.length,
      times: Float64Array.from(rows, (row) => Number(row.time)),
      keyIds,
      keys: keys.size,
      keyBytes: keys.bytes,
      keyEnds: keys.ends,
      keyHashes: keys.hashes,
      columns: this.#spec.fields.map((field) => columnOf(rows, field)),
    };
    return cutSections(all, cutByShard(all));
  }
}

function columnOf(rows: Row[], { name, type, decimals }: FieldSpec): RowsColumn {
  if (type !== 'text') {
    const values = Float64Array.from(rows, (row) => scaledAgain(row[name] ?? null, decimals));
    return { values, entries: 0, text: null };
  }
  const texts: string[] = [];
  const entryOf = new Map<string, number>();
  const values = Float64Array.from(rows, (row) => {
    const cell = row[name] ?? null;
    if (cell === null) return 0;
    const text = String(cell);
    const known = entryOf.get(text) ?? texts.push(text);
    entryOf.set(text, known);
    return known;
  });
  return { values, entries: texts.length, text: (entry) => texts[entry] };
}

/**
 * The integer that a number of a file was made of, exactly, for all that a reading may have: neighbours of up to 2^52
 * give different numbers when they are divided, and a product is at most one beside.
 */
export function scaledAgain(cell: Cell, decimals: number): number {
  if (cell === null) return Number.NaN;
  const value = Number(cell);
  const scale = 10 ** decimals;
  const near = Math.round(value * scale);
  for (const scaled of [near, near - 1, near + 1]) if (scaled / scale === value) return scaled;
  return near;
}
