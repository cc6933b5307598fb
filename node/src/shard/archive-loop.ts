import { mkdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { keepsTime, rawColumns, recordColumns } from '../archive/raw-columns.ts';
import type { ColumnSpec, Format, Row } from '../archive/row.ts';
import { FileOfRows } from '../archive/verified-file.ts';
import { gatherGroups } from '../client/group-parts.ts';
import { eventsOf } from '../client/raw-events.ts';
import {
  decodeRecord,
  finishSeries,
  type LogRecord,
  layoutOf,
  type RollupSpec,
  type ShardParts,
  type Site,
  type StreamSpec,
  stepBoundaries,
  WeirError,
} from '../contract/index.ts';
import { SWAP_STREAM } from '../contract/site/swap-stream.ts';
import type { ArchivedFile, ArchiveFinished } from './archive-messages.ts';

const LOWEST_PRIORITY = 19;

export interface ArchiveSetup {
  kind: 'archive';
  site: Site;
  dir: string;
  format: Format;
  /** Ends the names of the files: see `lifeOf`. */
  life: string;
  /** The newest time that the log trusted before the first record; 0 where there was none. */
  trustedTo: number;
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
  readonly #streams: StreamSpec[];
  readonly #left = new Set<string>();
  #trustedTo: number;
  #wallMs: number | null = null;

  constructor(setup: ArchiveSetup) {
    this.#setup = setup;
    this.#trustedTo = setup.trustedTo;
    // What operators recorded of registers belongs to the readings: without it they cannot be counted again.
    this.#streams = [...setup.site.streams, SWAP_STREAM];
    if (process.platform === 'linux') setPriority(0, LOWEST_PRIORITY);
  }

  readonly calls = {
    take: (entries: { seq: number; bytes: Uint8Array }[]) => this.#take(entries),
    tier: (part: TierPart) => this.#tier(part),
    finish: () => this.#finish(),
  };

  async #take(entries: { seq: number; bytes: Uint8Array }[]): Promise<void> {
    for (const { seq, bytes } of entries) {
      const record = decodeRecord(bytes);
      if ('fault' in record)
        throw new WeirError('WEIR_LOG_DAMAGED', `record ${seq} of the log cannot be read: ${record.fault}`);
      if (record.clockTrusted) {
        this.#wallMs ??= record.wallMs;
        this.#trustedTo = Math.max(this.#trustedTo, record.wallMs);
      }
      for (const stream of this.#streams) {
        const rows = this.#rowsOf(record, stream);
        if (rows.length > 0) await this.#file(stream, seq, record.wallMs).add(rows);
      }
      this.#noteLeft(record);
    }
  }

  #rowsOf(record: LogRecord, stream: StreamSpec): Row[] {
    const question = { stream: stream.name, where: {}, limit: 0, order: 'asc' as const };
    const all = { ...question, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    const rows = eventsOf(record, stream, all) as Row[];
    const { seq, wall, untrustedSince } = recordColumns(stream);
    for (const row of rows) {
      row[seq] = record.seq;
      row[wall] = record.wallMs;
      row[untrustedSince] = record.clockTrusted ? null : this.#trustedTo;
    }
    return rows;
  }

  /** Streams with readings of which no file has all that it takes to count them again. */
  #noteLeft(record: LogRecord): void {
    for (const { layout } of record.sections) {
      const { stream } = record.layouts[layout];
      const spec = this.#streams.find(({ name }) => name === stream);
      if (spec === undefined || !keepsTime(spec)) this.#left.add(stream);
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
      const { dir, format, life } = this.#setup;
      const time = new Date(from).toISOString().slice(0, 13).replace(/[-:]/g, '');
      const path = join(dir, 'tiers', rollup.name, `${name}-${time}Z${life}.${format}`);
      mkdirSync(dirname(path), { recursive: true });
      file = new FileOfRows(path, format, tierColumns(rollup, groupBy));
      this.#files.set(name, file);
    }
    return file;
  }

  /** Named by its first record, so that one that is written again takes the place of what was left of it. */
  #file(stream: StreamSpec, seq: number, wallMs: number): FileOfRows {
    const { dir, format, life } = this.#setup;
    let file = this.#files.get(stream.name);
    if (file === undefined) {
      const time = new Date(wallMs).toISOString().slice(0, 19).replace(/[-:]/g, '');
      const path = join(dir, 'raw', stream.name, `${stream.name}-${time}Z-${seq}${life}.${format}`);
      mkdirSync(dirname(path), { recursive: true });
      file = new FileOfRows(path, format, rawColumns(stream));
      this.#files.set(stream.name, file);
    }
    return file;
  }

  async #finish(): Promise<ArchiveFinished> {
    const files: ArchivedFile[] = [];
    for (const [stream, file] of this.#files) files.push({ stream, ...(await file.finish()) });
    return { files, left: [...this.#left], wallMs: this.#wallMs, trustedTo: this.#trustedTo };
  }
}

function tierColumns(rollup: RollupSpec, groupBy: number): ColumnSpec[] {
  return [
    { name: 'time', type: 'time' },
    ...rollup.groupBys[groupBy].map((name) => ({ name, type: 'text' as const })),
    ...rollup.measures.map(({ name, fn }): ColumnSpec => ({ name, type: fn === 'top' ? 'text' : 'number' })),
  ];
}
