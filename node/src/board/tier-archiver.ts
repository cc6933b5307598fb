import { existsSync, readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import {
  LIMITS,
  type ShardParts,
  type ShardPeriodsQuestion,
  type ShardReadQuestion,
  type Site,
  WeirError,
} from '../contract/index.ts';
import { chunkSpanMs, periodOf, TABLES } from '../contract/measures/tables.ts';
import type { TierPart } from '../shard/archive-loop.ts';
import type { ArchiveFinished } from '../shard/archive-messages.ts';
import type { TableDrop } from '../shard/retention-drops.ts';
import { assertArchive } from './archive-directory.ts';
import { CalledThread } from './called-thread.ts';
import { writeWhole } from './write-whole.ts';

const VERSION = 1;
const DAY_MS = 24 * 3_600_000;

interface Stored {
  version: typeof VERSION;
  dir: string;
  /** By table: every period before this one is in a file that was read back. */
  archived: Record<string, number>;
}

export interface TierArchiverParts {
  site: Site;
  /** Where it notes how far it is. */
  file: string;
  /** Ends the names of its files. */
  life: string;
  entry: URL;
  logger: Logger;
  nowMs(): number;
  ask<T>(method: string, params: unknown, signal: AbortSignal): Promise<T[]>;
}

interface Tier {
  rollup: string;
  groupBy: number;
  tier: number;
  table: string;
  spanMs: number;
  /** When a period's end is so long past, all of its buckets are final. */
  finalMs: number;
  withKey: boolean;
}

/**
 * Moves buckets of tiers to files of the archive directory before they are forgotten, a day of them at a time at the
 * least. The newest period that is archived stays until the next one is: its last readings are where the next one's
 * registers begin. What it says is archived was read back first; until then a tier waits.
 */
export class TierArchiver {
  readonly #parts: TierArchiverParts;
  readonly #to: NonNullable<Site['retention']['archive']>;
  readonly #control = new AbortController();
  #stored: Stored;
  #thread: CalledThread | null = null;
  fault: string | null = null;

  private constructor(parts: TierArchiverParts, to: NonNullable<Site['retention']['archive']>) {
    this.#parts = parts;
    this.#to = to;
    this.#stored = this.#load();
  }

  /** Null where the site has no archive. */
  static of(parts: TierArchiverParts): TierArchiver | null {
    const { archive } = parts.site.retention;
    return archive === undefined ? null : new TierArchiver(parts, archive);
  }

  /** Archives what is about to be dropped; answers what of it may be. */
  async run(drops: TableDrop[]): Promise<TableDrop[]> {
    const allowed: TableDrop[] = [];
    this.fault = null;
    for (const drop of drops) {
      const tier = this.#tier(drop.table);
      if (tier === null) {
        allowed.push(drop);
        continue;
      }
      try {
        await this.#archive(tier, drop.beforePeriod);
      } catch (fault) {
        if (this.#control.signal.aborted) throw fault;
        this.fault = fault instanceof Error ? fault.message : String(fault);
        const { logger } = this.#parts;
        logger.error(
          { dir: this.#to.dir },
          `buckets of ${drop.table} could not be archived, and are kept: ${this.fault}`,
        );
      }
      const archived = this.#stored.archived[drop.table] ?? Number.NEGATIVE_INFINITY;
      const beforePeriod = Math.min(drop.beforePeriod, archived - 1);
      if (Number.isFinite(beforePeriod)) allowed.push({ table: drop.table, beforePeriod });
    }
    return allowed;
  }

  async close(): Promise<void> {
    this.#control.abort(new DOMException('closing', 'AbortError'));
    await this.#thread?.end();
  }

  #tier(table: string): Tier | null {
    const { site } = this.#parts;
    for (const { name, stream, groupBys, tiers } of site.rollups)
      for (const [groupBy, by] of groupBys.entries())
        for (const [tier, { name: width, widthMs }] of tiers.entries()) {
          if (TABLES.buckets(name, by, width) !== table) continue;
          const { latenessMs, keyField } = site.streams.find((one) => one.name === stream)!;
          const finalMs = latenessMs + 2 * widthMs;
          const spanMs = chunkSpanMs(widthMs);
          return { rollup: name, groupBy, tier, table, spanMs, finalMs, withKey: by.includes(keyField) };
        }
    return null;
  }

  async #archive(tier: Tier, beforePeriod: number): Promise<void> {
    const { ask, nowMs } = this.#parts;
    const known = this.#stored.archived[tier.table] ?? Number.MIN_SAFE_INTEGER;
    const final = periodOf(nowMs() - tier.finalMs, tier.spanMs);
    const aFile = Math.max(1, DAY_MS / tier.spanMs);
    const to = Math.floor(Math.min(beforePeriod + 1, final) / aFile) * aFile;
    if (to <= known) return;
    const question: ShardPeriodsQuestion = { table: tier.table, before: to };
    const found = (await ask<number[]>('periods', question, this.#control.signal)).flat();
    const periods = [...new Set(found)].filter((period) => period >= known).sort((a, b) => a - b);
    if (periods.length > 0) {
      assertArchive(this.#to.dir, Object.keys(this.#stored.archived).length > 0);
      await this.#write(tier, periods);
    }
    this.#stored = { ...this.#stored, archived: { ...this.#stored.archived, [tier.table]: to } };
    writeWhole(this.#parts.file, `${JSON.stringify(this.#stored)}\n`);
  }

  async #write(tier: Tier, periods: number[]): Promise<void> {
    const { site, entry, life } = this.#parts;
    const thread = new CalledThread(entry, { kind: 'archive', site, ...this.#to, life, trustedTo: 0 });
    this.#thread = thread;
    try {
      for (const period of periods)
        for (const shards of scopes(tier)) await thread.call('tier', await this.#read(tier, period, shards));
      await thread.call<ArchiveFinished>('finish', null);
    } finally {
      this.#thread = null;
      await thread.end();
    }
  }

  async #read(tier: Tier, period: number, shards: number[] | null): Promise<TierPart> {
    const { rollup, groupBy, tier: at, spanMs } = tier;
    const range = { from: period * spanMs, to: (period + 1) * spanMs };
    const question: ShardReadQuestion = {
      shards,
      minSeq: 0,
      rollup,
      groupBy,
      tier: at,
      ...range,
      where: [],
      maxGroups: Number.MAX_SAFE_INTEGER,
      edges: true,
      forgotten: true,
    };
    const parts = await this.#parts.ask<ShardParts>('read', question, this.#control.signal);
    return { rollup, groupBy, tier: at, ...range, parts };
  }

  #load(): Stored {
    const fresh: Stored = { version: VERSION, dir: this.#to.dir, archived: {} };
    const { file } = this.#parts;
    if (!existsSync(file)) return fresh;
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Stored;
    if (stored.version !== VERSION)
      throw new WeirError('WEIR_DATA_MISSING', `${file} is of another version: ${stored.version}`);
    // What was archived elsewhere stays there.
    return { ...stored, dir: this.#to.dir };
  }
}

/** A group that holds the key lives in one shard, so that one shard at a time is held; the others are few, and are merged. */
function scopes({ withKey }: Tier): (number[] | null)[] {
  return withKey ? Array.from({ length: LIMITS.shards }, (_, shard) => [shard]) : [null];
}
