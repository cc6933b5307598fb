import type { Logger } from 'pino';
import type { Site, StatusAnswer } from '../contract/index.ts';
import type { JobPorts } from '../jobs/job-ports.ts';
import type { CommitLog } from '../log/port.ts';
import { type ArchivedRaw, ArchiveRuns } from './archive-runs.ts';
import { Archiver } from './archiver.ts';
import { type DataDir, lifeOf } from './data-dir.ts';
import { TierArchiver } from './tier-archiver.ts';

export interface ArchivesParts {
  site: Site;
  dir: DataDir;
  log: CommitLog;
  entry: URL;
  logger: Logger;
  ask<T>(method: string, params: unknown, signal: AbortSignal): Promise<T[]>;
}

/** Where raw and buckets go before they are forgotten, if the site file names a place. */
export class Archives {
  readonly #raw: Archiver | null;
  readonly #tiers: TierArchiver | null;
  /** They are there also where the site file names no place any more. */
  readonly #runs: ArchiveRuns;

  constructor({ dir, ...parts }: ArchivesParts) {
    this.#runs = new ArchiveRuns(dir.archiveRuns);
    const life = lifeOf(dir);
    this.#raw = Archiver.of({ ...parts, file: dir.archive, runs: this.#runs, life, nowMs: Date.now });
    this.#tiers = TierArchiver.of({ ...parts, file: dir.tierArchive, life, nowMs: Date.now });
  }

  jobs(): Pick<JobPorts, 'archive' | 'archiveTiers'> {
    const raw = this.#raw;
    const tiers = this.#tiers;
    if (raw === null || tiers === null) return { archive: null };
    return { archive: (toSeq) => raw.run(toSeq), archiveTiers: (drops) => tiers.run(drops) };
  }

  /** Raw readings of streams from before a record of the log; null where nothing was ever archived. */
  rawBefore(record: number, streams: string[]): ArchivedRaw | null {
    return this.#runs.before(record, streams);
  }

  status(): StatusAnswer['archive'] {
    const raw = this.#raw?.status() ?? null;
    return raw === null ? null : { ...raw, fault: raw.fault ?? this.#tiers?.fault ?? null };
  }

  async close(): Promise<void> {
    await this.#raw?.close();
    await this.#tiers?.close();
  }
}
