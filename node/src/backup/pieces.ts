import { WeirError } from '../contract/index.ts';
import { ByteReader, ByteWriter } from '../contract/measures/byte-writer.ts';
import type { LogEntry } from '../log/port.ts';
import type { SessionEntry } from './source.ts';

/** Pieces of the log and of the sessions: version, then what they hold one behind the other. */
const VERSION = 1;
/** More records than a piece of the log ever has. */
const PIECE_RECORDS = 65_536;

export class LogPieceWriter {
  readonly #writer = new ByteWriter();
  records = 0;

  get bytes(): number {
    return this.#writer.length;
  }

  get isFull(): boolean {
    return this.records >= PIECE_RECORDS;
  }

  /** A damaged record has no bytes. */
  add({ seq, bytes }: LogEntry): void {
    if (this.records === 0) this.#writer.byte(VERSION);
    this.#writer.unsigned(seq);
    this.#writer.unsigned(bytes?.length ?? 0);
    if (bytes !== null) this.#writer.bytes(bytes);
    this.records++;
  }

  take(): Uint8Array {
    const bytes = this.#writer.take();
    this.#writer.reset();
    this.records = 0;
    return bytes;
  }
}

export function* readLogPiece(piece: Uint8Array): Generator<LogEntry> {
  const reader = new ByteReader(piece);
  try {
    assertVersion(reader);
    while (!reader.done) {
      const seq = reader.unsigned();
      const length = reader.unsigned();
      yield { seq, bytes: length === 0 ? null : reader.bytes(length) };
    }
  } catch (fault) {
    throw cutShort(fault, 'log');
  }
}

export function encodeSessions(entries: SessionEntry[]): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(VERSION);
  for (const [key, value] of entries) {
    const name = Buffer.from(key);
    writer.unsigned(name.length);
    writer.unsigned(value.length);
    writer.bytes(name);
    writer.bytes(value);
  }
  return writer.take();
}

export function* readSessions(piece: Uint8Array): Generator<SessionEntry> {
  const reader = new ByteReader(piece);
  try {
    assertVersion(reader);
    while (!reader.done) {
      const keyLength = reader.unsigned();
      const valueLength = reader.unsigned();
      const key = Buffer.from(reader.bytes(keyLength)).toString();
      yield [key, reader.bytes(valueLength)];
    }
  } catch (fault) {
    throw cutShort(fault, 'sessions');
  }
}

function assertVersion(reader: ByteReader): void {
  if (reader.byte() !== VERSION) throw new Error('another version');
}

function cutShort(cause: unknown, of: string): WeirError {
  return new WeirError('WEIR_BACKUP_DAMAGED', `a piece of the ${of} is not one that this weir reads`, {
    cause,
  });
}
