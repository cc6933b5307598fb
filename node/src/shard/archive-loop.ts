import { mkdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import type { ColumnSpec, Format, Row } from '../archive/row.ts';
import { FileOfRows, type VerifiedFile } from '../archive/verified-file.ts';
import { eventsOf } from '../client/raw-events.ts';
import { decodeRecord, type Site, type StreamSpec, WeirError } from '../contract/index.ts';

const LOWEST_PRIORITY = 19;

export interface ArchiveSetup {
  kind: 'archive';
  site: Site;
  dir: string;
  format: Format;
}

/** Writes the readings of records into files, one a stream, in a thread of its own and of the lowest priority. */
export class ArchiveLoop {
  readonly #setup: ArchiveSetup;
  readonly #files = new Map<string, FileOfRows>();

  constructor(setup: ArchiveSetup) {
    this.#setup = setup;
    if (process.platform === 'linux') setPriority(0, LOWEST_PRIORITY);
  }

  readonly calls = {
    take: (entries: { seq: number; bytes: Uint8Array }[]) => this.#take(entries),
    finish: () => this.#finish(),
  };

  async #take(entries: { seq: number; bytes: Uint8Array }[]): Promise<void> {
    const { site } = this.#setup;
    for (const { seq, bytes } of entries) {
      const record = decodeRecord(bytes);
      if ('fault' in record)
        throw new WeirError('WEIR_LOG_DAMAGED', `record ${seq} of the log cannot be read: ${record.fault}`);
      for (const stream of site.streams) {
        const question = { stream: stream.name, where: {}, limit: 0, order: 'asc' as const };
        const all = { ...question, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
        const rows = eventsOf(record, stream, all) as Row[];
        if (rows.length > 0) await this.#file(stream, seq, record.wallMs).add(rows);
      }
    }
  }

  /** Named by its first record, so that one that is written again takes the place of what was left of it. */
  #file(stream: StreamSpec, seq: number, wallMs: number): FileOfRows {
    const { dir, format } = this.#setup;
    let file = this.#files.get(stream.name);
    if (file === undefined) {
      const time = new Date(wallMs).toISOString().slice(0, 19).replace(/[-:]/g, '');
      const path = join(dir, 'raw', stream.name, `${stream.name}-${time}Z-${seq}.${format}`);
      mkdirSync(dirname(path), { recursive: true });
      file = new FileOfRows(path, format, columnsOf(stream));
      this.#files.set(stream.name, file);
    }
    return file;
  }

  async #finish(): Promise<VerifiedFile[]> {
    const written: VerifiedFile[] = [];
    for (const file of this.#files.values()) written.push(await file.finish());
    return written;
  }
}

function columnsOf(stream: StreamSpec): ColumnSpec[] {
  const typeOf = (type: string): ColumnSpec['type'] =>
    type === 'text' ? 'text' : type === 'bool' ? 'bool' : 'number';
  return [
    { name: 'time', type: 'time' },
    { name: stream.keyField, type: 'text' },
    ...stream.fields
      .filter(({ name }) => name !== stream.keyField)
      .map(({ name, type }) => ({ name, type: typeOf(type) })),
    { name: 'seq', type: 'number' },
  ];
}
