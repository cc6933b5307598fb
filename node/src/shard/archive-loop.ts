import { mkdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import type { ColumnSpec, Format, Row } from '../archive/row.ts';
import { FileOfRows, type VerifiedFile } from '../archive/verified-file.ts';
import { gatherGroups } from '../client/group-parts.ts';
import { eventsOf } from '../client/raw-events.ts';
import {
  decodeRecord,
  finishSeries,
  layoutOf,
  type RollupSpec,
  type ShardParts,
  type Site,
  type StreamSpec,
  stepBoundaries,
  WeirError,
} from '../contract/index.ts';

const LOWEST_PRIORITY = 19;

export interface ArchiveSetup {
  kind: 'archive';
  site: Site;
  dir: string;
  format: Format;
}

/** Buckets of one period of a tier, as the shards have them. */
export interface TierPart {
  rollup: string;
  groupBy: number;
  tier: number;
  from: number;
  to: number;
  parts: ShardParts[];
}

/**
 * Writes the readings of records into files, one a stream, and buckets of tiers, one a tier and group-by, in a thread of
 * its own and of the lowest priority.
 */
export class ArchiveLoop {
  readonly #setup: ArchiveSetup;
  readonly #files = new Map<string, FileOfRows>();

  constructor(setup: ArchiveSetup) {
    this.#setup = setup;
    if (process.platform === 'linux') setPriority(0, LOWEST_PRIORITY);
  }

  readonly calls = {
    take: (entries: { seq: number; bytes: Uint8Array }[]) => this.#take(entries),
    tier: (part: TierPart) => this.#tier(part),
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

  /** Finished as an export has them: the numbers of the site file's measures. */
  async #tier(part: TierPart): Promise<void> {
    const { site } = this.#setup;
    const rollup = site.rollups.find(({ name }) => name === part.rollup)!;
    const stream = site.streams.find(({ name }) => name === rollup.stream)!;
    const by = rollup.groupBys[part.groupBy];
    const { widthMs } = rollup.tiers[part.tier];
    const plan = {
      layout: layoutOf(rollup, part.groupBy, stream),
      measures: rollup.measures,
      steps: stepBoundaries(site.timezone, widthMs, widthMs),
      from: part.from,
      to: part.to,
      watermark: part.to + stream.latenessMs,
      latenessMs: stream.latenessMs,
    };
    const rows: Row[] = [];
    const dims = by.map((_, at) => at);
    for (const group of gatherGroups(part.parts, dims).values()) {
      const { time, values, lists } = finishSeries(plan, group.chunks);
      const named = Object.fromEntries(by.map((field, at) => [field, group.dims[at]]));
      for (const [at, start] of time.entries()) {
        // A local bucket may reach over the period's end; it belongs to the one in which it starts.
        if (start < part.from || start >= part.to) continue;
        const cells = Object.entries(values).map(([name, column]) => [name, column[at]] as const);
        const texts = Object.entries(lists ?? {}).map(
          ([name, all]) => [name, JSON.stringify(all[at])] as const,
        );
        rows.push({ time: start, ...named, ...Object.fromEntries(cells), ...Object.fromEntries(texts) });
      }
    }
    if (rows.length > 0) await this.#tierFile(rollup, part).add(rows);
  }

  /** Named by its first period. */
  #tierFile(rollup: RollupSpec, { groupBy, tier, from }: TierPart): FileOfRows {
    const by = rollup.groupBys[groupBy].join('+') || 'all';
    const name = `${rollup.name}-${by}-${rollup.tiers[tier].name}`;
    let file = this.#files.get(name);
    if (file === undefined) {
      const { dir, format } = this.#setup;
      const time = new Date(from).toISOString().slice(0, 13).replace(/[-:]/g, '');
      const path = join(dir, 'tiers', rollup.name, `${name}-${time}Z.${format}`);
      mkdirSync(dirname(path), { recursive: true });
      file = new FileOfRows(path, format, tierColumns(rollup, groupBy));
      this.#files.set(name, file);
    }
    return file;
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

function tierColumns(rollup: RollupSpec, groupBy: number): ColumnSpec[] {
  return [
    { name: 'time', type: 'time' },
    ...rollup.groupBys[groupBy].map((name) => ({ name, type: 'text' as const })),
    ...rollup.measures.map(({ name, fn }): ColumnSpec => ({ name, type: fn === 'top' ? 'text' : 'number' })),
  ];
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
