import { chmodSync, copyFileSync, realpathSync, statSync } from 'node:fs';
import {
  formatFaults,
  parseSite,
  type Site,
  type SiteEdit,
  type SiteEditAnswer,
  type SiteForgotten,
  siteDifferences,
  WeirError,
} from '../contract/index.ts';
import type { RetentionDrop } from '../shard/thread-messages.ts';
import { checkShape, leftTables, noteForgotten } from './kept-shape.ts';
import { writeWhole } from './write-whole.ts';

/** Beside a site file that was edited here: what it said before. */
export const BEFORE = '.before';

export interface SiteEditsParts {
  site: Site;
  file: string | null;
  shapeFile: string;
  forget(drops: RetentionDrop[]): Promise<void>;
}

/**
 * Edits of the site file while the board runs. An edit is looked at as a whole: faults and what does not fit what is
 * stored refuse it, and then nothing is touched. One that is applied is written, and the board begins anew with it.
 */
export class SiteEdits {
  readonly #parts: SiteEditsParts;
  readonly #edited = Promise.withResolvers<void>();

  constructor(parts: SiteEditsParts) {
    this.#parts = parts;
  }

  get edited(): Promise<void> {
    return this.#edited.promise;
  }

  edit({ text, apply }: SiteEdit): SiteEditAnswer {
    const { site, file, shapeFile } = this.#parts;
    const { site: after, faults } = parseSite(text, file ?? 'site.yaml');
    if (after === null)
      throw new WeirError(
        'WEIR_SITE_INVALID',
        `the site file has ${faults.length} fault${faults.length === 1 ? '' : 's'}\n${formatFaults(faults)}`,
      );
    checkShape(after, shapeFile);
    const differences = siteDifferences(site, after);
    if (!apply || differences.length === 0) return { differences, applied: false };
    if (file === null)
      throw new WeirError(
        'WEIR_BAD_QUESTION',
        'this appliance runs the site file that ships with Weir, which is not edited',
        { field: 'apply', suggestion: 'Start it with a file of your own: weir up site.yaml' },
      );
    replaceFile(file, text);
    // The answer goes out first: closing waits for questions that are under way.
    setImmediate(() => this.#edited.resolve());
    return { differences, applied: true };
  }

  /** What the rollup counted and counts no more is gone for good. */
  async forget(rollup: string): Promise<SiteForgotten> {
    const { shapeFile, forget } = this.#parts;
    const tables = leftTables(rollup, shapeFile);
    if (tables.length === 0)
      throw new WeirError(
        'WEIR_NOT_FOUND',
        `there is nothing left of ${JSON.stringify(rollup)} that the site file does not count`,
        { field: 'rollup' },
      );
    await forget(tables.map((table) => ({ table, beforePeriod: Number.MAX_SAFE_INTEGER })));
    noteForgotten(tables, shapeFile);
    return { rollup, tables: tables.length };
  }
}

/** Links are followed, and who may read the file stays as it was. */
function replaceFile(named: string, text: string): void {
  const file = realpathSync(named);
  const { mode } = statSync(file);
  copyFileSync(file, file + BEFORE);
  writeWhole(file, text);
  chmodSync(file, mode);
}
