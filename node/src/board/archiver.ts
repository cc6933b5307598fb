import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, type Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { VerifiedFile } from '../archive/verified-file.ts';
import { Caller } from '../client/rpc.ts';
import { type Site, type StatusAnswer, WeirError } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import type { ArchiveSetup } from '../shard/archive-loop.ts';
import { startThread } from '../shipped/index.ts';
import { writeWhole } from './write-whole.ts';

const VERSION = 1;
const RECORDS_A_CALL = 16;
const YOUNG_MB = 16;
/** Stands in a directory that archives were written to: a disk that is not mounted leaves an empty one. */
const MARKER = 'WEIR-ARCHIVE';

interface Stored {
  version: typeof VERSION;
  /** Every record up to here is in a file that was read back. */
  archivedSeq: number;
  dir: string;
  files: number;
  lastAt: number | null;
}

export interface ArchiverParts {
  site: Site;
  /** Where it notes how far it is. */
  file: string;
  log: CommitLog;
  entry: URL;
  logger: Logger;
  nowMs(): number;
}

/**
 * Moves raw readings to files of the archive directory before they are forgotten, up to a record at a time. What it says
 * is archived was read back first. A directory that is missing, full or another one is a fault that lasts until the next
 * try succeeds; raw waits for it meanwhile.
 */
export class Archiver {
  readonly #parts: ArchiverParts;
  readonly #to: NonNullable<Site['retention']['archive']>;
  #stored: Stored;
  #fault: string | null = null;
  #worker: Worker | null = null;

  constructor(parts: ArchiverParts, to: NonNullable<Site['retention']['archive']>) {
    this.#parts = parts;
    this.#to = to;
    this.#stored = this.#load();
  }

  /** Null where the site has no archive. */
  static of(parts: ArchiverParts): Archiver | null {
    const { archive } = parts.site.retention;
    return archive === undefined ? null : new Archiver(parts, archive);
  }

  get archivedSeq(): number {
    return this.#stored.archivedSeq;
  }

  status(): StatusAnswer['archive'] {
    const { dir, format } = this.#to;
    const { archivedSeq, files, lastAt } = this.#stored;
    const waitingRecords = Math.max(0, this.#parts.log.bounds().last - archivedSeq);
    return { dir, format, archivedSeq, waitingRecords, files, lastAt, fault: this.#fault };
  }

  /** Answers up to where raw is archived, be it that nothing could be done now. */
  async run(toSeq: number): Promise<number> {
    try {
      await this.#archive(toSeq);
      this.#fault = null;
    } catch (fault) {
      this.#fault = fault instanceof Error ? fault.message : String(fault);
      this.#parts.logger.error({ dir: this.#to.dir }, `raw readings could not be archived: ${this.#fault}`);
    }
    return this.#stored.archivedSeq;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  async #archive(toSeq: number): Promise<void> {
    const { log, nowMs } = this.#parts;
    this.#assertDirectory();
    const from = Math.max(this.#stored.archivedSeq + 1, log.bounds().first);
    if (from > toSeq) return;
    const written = await this.#write(from, toSeq);
    this.#stored = {
      ...this.#stored,
      archivedSeq: toSeq,
      files: this.#stored.files + written.length,
      lastAt: nowMs(),
    };
    writeWhole(this.#parts.file, `${JSON.stringify(this.#stored)}\n`);
  }

  /** The directory itself is never made: where a disk belongs there must be one. */
  #assertDirectory(): void {
    const { dir } = this.#to;
    if (!existsSync(dir))
      throw new WeirError('WEIR_ARCHIVE_UNAVAILABLE', `there is no directory ${dir}`, {
        suggestion: 'Mount its disk, or make it.',
      });
    const marker = join(dir, MARKER);
    if (existsSync(marker)) return;
    if (this.#stored.files > 0 && readdirSync(dir).length === 0)
      throw new WeirError('WEIR_ARCHIVE_UNAVAILABLE', `${dir} is empty, and was archived to before`, {
        suggestion: 'Mount its disk.',
      });
    writeFileSync(marker, 'weir archive, version 1\n', { flush: true });
  }

  async #write(from: number, to: number): Promise<VerifiedFile[]> {
    const { site, entry, log } = this.#parts;
    const { port1, port2 } = new MessageChannel();
    const setup: ArchiveSetup = { kind: 'archive', site, ...this.#to };
    const worker = startThread(entry, {
      workerData: { ...setup, port: port2 },
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker = worker;
    const caller = new Caller(port1);
    const ended = new Promise<never>((_, reject) => {
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the thread of the archive ended')));
    });
    // Looked at with every call; after the last one its end is as it should be.
    ended.catch(() => undefined);
    try {
      let entries: { seq: number; bytes: Uint8Array }[] = [];
      const send = async () => {
        await Promise.race([caller.call('take', entries), ended]);
        entries = [];
      };
      for await (const { seq, bytes } of log.read(from)) {
        if (seq > to) break;
        // A damaged record is reported by the scrub, and there is nothing in it to keep.
        if (bytes === null) continue;
        entries.push({ seq, bytes });
        if (entries.length >= RECORDS_A_CALL) await send();
      }
      if (entries.length > 0) await send();
      return await Promise.race([caller.call<VerifiedFile[]>('finish', null), ended]);
    } finally {
      this.#worker = null;
      caller.close();
      await worker.terminate();
    }
  }

  #load(): Stored {
    const fresh: Stored = { version: VERSION, archivedSeq: 0, dir: this.#to.dir, files: 0, lastAt: null };
    if (!existsSync(this.#parts.file)) return fresh;
    const stored = JSON.parse(readFileSync(this.#parts.file, 'utf8')) as Stored;
    if (stored.version !== VERSION)
      throw new WeirError(
        'WEIR_DATA_MISSING',
        `${this.#parts.file} is of another version: ${stored.version}`,
      );
    // Another directory begins with what is still there; what was archived elsewhere stays there.
    return stored.dir === this.#to.dir ? stored : { ...stored, dir: this.#to.dir, files: 0 };
  }
}
