import { existsSync, readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { type Site, type StatusAnswer, WeirError } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import type { ArchivedRun, ArchiveFinished } from '../shard/archive-messages.ts';
import { assertArchive } from './archive-directory.ts';
import type { ArchiveRuns } from './archive-runs.ts';
import { CalledThread } from './called-thread.ts';
import { writeWhole } from './write-whole.ts';

const VERSION = 1;
const RECORDS_A_CALL = 16;

interface Stored {
  version: typeof VERSION;
  /** Every record up to here is in a file that was read back. */
  archivedSeq: number;
  dir: string;
  files: number;
  lastAt: number | null;
  /** The newest time that the log trusted up to there; files of before this was noted have none. */
  trustedTo?: number;
}

export interface ArchiverParts {
  site: Site;
  /** Where it notes how far it is. */
  file: string;
  /** Where it notes what is in which file. */
  runs: ArchiveRuns;
  /** Ends the names of its files. */
  life: string;
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
  #thread: CalledThread | null = null;

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
    await this.#thread?.end();
  }

  async #archive(toSeq: number): Promise<void> {
    const { log, runs, nowMs } = this.#parts;
    assertArchive(this.#to.dir, this.#stored.files > 0);
    const from = Math.max(this.#stored.archivedSeq + 1, log.bounds().first);
    if (from > toSeq) return;
    const written = await this.#write(from, toSeq);
    runs.append(written);
    this.#stored = {
      ...this.#stored,
      archivedSeq: toSeq,
      files: this.#stored.files + written.files.length,
      lastAt: nowMs(),
      trustedTo: written.trustedTo,
    };
    writeWhole(this.#parts.file, `${JSON.stringify(this.#stored)}\n`);
  }

  async #write(from: number, to: number): Promise<ArchivedRun> {
    const { site, entry, log, life } = this.#parts;
    const trustedTo = this.#stored.trustedTo ?? 0;
    const thread = new CalledThread(entry, { kind: 'archive', site, ...this.#to, life, trustedTo });
    this.#thread = thread;
    let damaged = 0;
    try {
      let entries: { seq: number; bytes: Uint8Array }[] = [];
      for await (const { seq, bytes } of log.read(from)) {
        if (seq > to) break;
        // A damaged record is reported by the scrub, and there is nothing in it to keep.
        if (bytes === null) {
          damaged++;
          continue;
        }
        entries.push({ seq, bytes });
        if (entries.length < RECORDS_A_CALL) continue;
        await thread.call('take', entries);
        entries = [];
      }
      if (entries.length > 0) await thread.call('take', entries);
      return { from, to, damaged, ...(await thread.call<ArchiveFinished>('finish', null)) };
    } finally {
      this.#thread = null;
      await thread.end();
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
