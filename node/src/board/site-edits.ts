import { accessSync, chmodSync, constants, copyFileSync, realpathSync, statSync } from 'node:fs';
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
import { doesNotFit, leftTables, noteForgotten, readShape, shapeDifferences, shapeOf } from './kept-shape.ts';
import { tariffFaults } from './kept-tariffs.ts';
import type { StoredReplay } from './replay/replay-file.ts';
import type { Replays } from './replay/replays.ts';
import { newReshape, writeReshape } from './reshape/reshape-file.ts';
import { losses, plannedReshape, type ReshapePlan } from './reshape/reshape-plan.ts';
import { writeWhole } from './write-whole.ts';

/** Beside a site file that was edited here: what it said before. */
export const BEFORE = '.before';

export interface SiteEditsParts {
  site: Site;
  file: string | null;
  shapeFile: string;
  reshapeFile: string;
  replays(): Replays;
  forget(drops: RetentionDrop[]): Promise<void>;
}

/**
 * Edits of the site file while the board runs. An edit is looked at as a whole: faults and what does not fit what is
 * stored refuse it, and then nothing is touched. One that is applied is written, and the board begins anew with it; one
 * that asks for buckets of another shape has them filled from raw first, while the running site file is served.
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

  edit({ text, apply, lose }: SiteEdit): SiteEditAnswer {
    const { site, file } = this.#parts;
    const { site: after, faults } = parseSite(text, file ?? 'site.yaml');
    if (after === null)
      throw new WeirError(
        'WEIR_SITE_INVALID',
        `the site file has ${faults.length} fault${faults.length === 1 ? '' : 's'}\n${formatFaults(faults)}`,
      );
    const plan = this.#fitting(after);
    const differences = siteDifferences(site, after);
    const lost = plan === null ? [] : losses(plan, site, after);
    const answer = { differences, anew: plan?.rollups ?? [], lost, replay: null, applied: false };
    if (!apply || differences.length === 0) return answer;
    const own = this.#accepted(after, lost, lose === true);
    if (plan !== null) {
      const replay = this.#parts.replays().edit(after, text, plan.rollups);
      return { ...answer, replay: replay.id };
    }
    replaceFile(own, text);
    // The answer goes out first: closing waits for questions that are under way.
    setImmediate(() => this.#edited.resolve());
    return { ...answer, applied: true };
  }

  /** What it makes anew; null when nothing. Throws when no stored state can follow it. */
  #fitting(after: Site): ReshapePlan | null {
    const kept = readShape(this.#parts.shapeFile);
    if (kept === null) return null;
    const { never } = shapeDifferences(kept, shapeOf(after));
    never.push(...tariffFaults(kept.tariffs ?? {}, after, Date.now()));
    if (never.length > 0) throw doesNotFit(never, 'Undo the edit, or give what changed a new name.');
    return plannedReshape(this.#parts.shapeFile, after);
  }

  /** The file that the edit goes to, when nothing speaks against it. */
  #accepted(after: Site, lost: string[], lose: boolean): string {
    const { file } = this.#parts;
    if (file === null)
      throw new WeirError(
        'WEIR_BAD_QUESTION',
        'this appliance runs the site file that ships with Weir, which is not edited',
        { field: 'apply', suggestion: 'Start it with a file of your own: weir up site.yaml' },
      );
    const pending = this.#parts.replays().pendingEdit();
    if (pending !== null)
      throw new WeirError('WEIR_BUSY', `another edit is being filled from raw by replay ${pending.id}`, {
        suggestion: `Wait for it, or cancel it: weir replay cancel ${pending.id}`,
      });
    if (lost.length > 0 && !lose)
      throw new WeirError(
        'WEIR_BAD_QUESTION',
        `the edit loses what was counted:\n${lost.map((one) => `  ${one}\n`).join('')}`,
        {
          field: 'lose',
          suggestion: 'If that is meant: weir site apply FILE --lose',
        },
      );
    assertFilesThere(after);
    return file;
  }

  /** The tables of an edit are full: they take their places while the board begins anew. */
  filled({ replay, knownFrom, edit }: StoredReplay): void {
    const { file, reshapeFile } = this.#parts;
    if (edit === undefined || file === null) return;
    const { text } = edit;
    writeReshape(reshapeFile, newReshape({ text, replay: replay.id, from: replay.from, knownFrom }));
    replaceFile(file, text);
    setImmediate(() => this.#edited.resolve());
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

/** Once its tables are in their places there is no way back: what would not start is found before. */
function assertFilesThere({ mqtt, http }: Site): void {
  for (const { tls } of [mqtt, http])
    for (const file of [tls?.cert, tls?.key, tls?.ca, tls?.crl]) {
      if (!file) continue;
      try {
        accessSync(file, constants.R_OK);
      } catch (cause) {
        throw new WeirError('WEIR_SITE_INVALID', `${file}, which the site file names, cannot be read`, {
          cause,
        });
      }
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
