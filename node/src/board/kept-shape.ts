import { readFileSync } from 'node:fs';
import {
  isChained,
  layoutOf,
  type RollupSpec,
  type Site,
  type StreamSpec,
  WeirError,
} from '../contract/index.ts';
import { TABLES } from '../contract/measures/tables.ts';
import { type KeptTariffs, keptTariffs, tariffFaults } from './kept-tariffs.ts';
import { writeWhole } from './write-whole.ts';

/**
 * What a site file decides about stored state. State that was written for one shape cannot be read with another, so a
 * start compares the two and refuses with the differences in words; nothing stored is touched. Rollups, group-bys and
 * tiers that are new are filled from raw, those that are gone are left where they are until somebody forgets them.
 */
export interface Shape {
  streams: Record<string, StreamShape>;
  /** Name of a rollup → group-by → what its buckets are made of. */
  rollups: Record<string, Record<string, string>>;
  /** Tables that are counted, and those that were once. Absent in directories of before they were noted. */
  tables?: { counted: string[]; left: string[] };
  /** Buckets of an hour and longer lie by its clock. */
  timezone?: string;
  /** By whose periods amounts are kept apart. */
  tariffs?: KeptTariffs;
}

export interface StreamShape {
  key: string;
  id: string;
  /** Registers whose readings are kept by key, with their decimals. */
  counters: string;
  /** Fields by which registers are folded. */
  dimensions: string;
}

export function assertShape(site: Site, file: string): void {
  const { now, kept } = checkShape(site, file);
  keepShape(site, file, now, kept);
}

/** Tables were made anew for this site file, these of them in full; what else stands in the file of the shape is kept. */
export function noteReshaped(site: Site, filled: string[], file: string): void {
  const kept = readShape(file);
  const known = kept?.tables ?? { counted: [], left: [] };
  const tables = {
    counted: [...new Set([...known.counted, ...filled])],
    left: known.left.filter((table) => !filled.includes(table)),
  };
  keepShape(site, file, shapeOf(site), kept === null ? null : { ...kept, tables });
}

function keepShape(site: Site, file: string, now: Shape, kept: Shape | null): void {
  const tables = kept?.tables ?? { counted: tablesOf(site), left: [] };
  write(file, {
    streams: { ...kept?.streams, ...now.streams },
    rollups: merged(kept, now),
    tables,
    timezone: site.timezone,
    tariffs: { ...kept?.tariffs, ...keptTariffs(site) },
  });
}

function write(file: string, shape: Shape): void {
  writeWhole(file, `${JSON.stringify(shape, null, 2)}\n`);
}

export function tablesOf(site: Site): string[] {
  return site.rollups.flatMap((rollup) =>
    rollup.groupBys.flatMap((by) => rollup.tiers.map((tier) => TABLES.buckets(rollup.name, by, tier.name))),
  );
}

/** Rollups with tables that were not counted until now: they begin empty, and are to be filled. */
export function addedRollups(site: Site, file: string): string[] {
  const counted = new Set(readShape(file)?.tables?.counted);
  const isNew = ({ name, groupBys, tiers }: RollupSpec) =>
    groupBys.some((by) => tiers.some((tier) => !counted.has(TABLES.buckets(name, by, tier.name))));
  return site.rollups.filter(isNew).map(({ name }) => name);
}

/** From here on what the site counts is not new any more. */
export function noteCounted(site: Site, file: string): void {
  const shape = readShape(file);
  if (shape === null) return;
  const counted = tablesOf(site);
  const before = [...(shape.tables?.counted ?? []), ...(shape.tables?.left ?? [])];
  write(file, {
    ...shape,
    tables: { counted, left: [...new Set(before)].filter((table) => !counted.includes(table)) },
  });
}

/** What a rollup counted once and counts no more: tables that nobody forgets by themselves. */
export function leftTables(rollup: string, file: string): string[] {
  const left = readShape(file)?.tables?.left ?? [];
  return left.filter((table) => table.split('/')[1] === rollup);
}

export function noteForgotten(tables: string[], file: string): void {
  const shape = readShape(file);
  if (shape?.tables === undefined) return;
  const left = shape.tables.left.filter((table) => !tables.includes(table));
  write(file, { ...shape, tables: { ...shape.tables, left } });
}

/** The same without a change of the file. */
export function checkShape(site: Site, file: string): { now: Shape; kept: Shape | null } {
  const now = shapeOf(site);
  const kept = readShape(file);
  if (kept === null) return { now, kept };
  const { never, anew } = shapeDifferences(kept, now);
  never.push(...tariffFaults(kept.tariffs ?? {}, site, Date.now()));
  if (never.length > 0)
    throw doesNotFit(never, 'Undo the edit, give what changed a new name, or start with another --data.');
  if (anew.length > 0)
    throw doesNotFit(
      anew,
      'Start with the site file as it was, which stands in the data directory as site.yaml, and hand the edit to a running appliance: weir site apply FILE',
    );
  return { now, kept };
}

export function doesNotFit(faults: string[], suggestion: string): WeirError {
  return new WeirError(
    'WEIR_SITE_INVALID',
    `the site file does not fit what is stored; nothing was changed\n${faults.map((fault) => `  ${fault}\n`).join('')}`,
    { suggestion },
  );
}

function merged(kept: Shape | null, now: Shape): Shape['rollups'] {
  const rollups = { ...kept?.rollups };
  for (const [name, groups] of Object.entries(now.rollups)) rollups[name] = { ...rollups[name], ...groups };
  return rollups;
}

export function shapeOf(site: Site): Shape {
  const shape: Shape = { streams: {}, rollups: {}, timezone: site.timezone };
  for (const stream of site.streams) {
    const rollups = site.rollups.filter((rollup) => rollup.stream === stream.name);
    shape.streams[stream.name] = streamShape(stream, rollups);
    for (const rollup of rollups) shape.rollups[rollup.name] = rollupShape(rollup, stream);
  }
  return shape;
}

function streamShape(stream: StreamSpec, rollups: RollupSpec[]): StreamShape {
  const counted = new Set<string>();
  const folded = new Set<string>();
  for (const rollup of rollups) {
    for (const { fn, field } of rollup.measures) if (isChained(fn) && field) counted.add(field);
    for (const field of rollup.groupBys.flat()) if (field !== stream.keyField) folded.add(field);
  }
  const counters = stream.fields
    .filter(({ name }) => counted.has(name))
    .map(({ name, decimals, register }) =>
      register?.boot
        ? `${name} (${decimals} decimals, boots by ${register.boot})`
        : `${name} (${decimals} decimals)`,
    );
  return {
    key: stream.keyField,
    id: stream.idFields.join(', '),
    counters: counters.join(', '),
    dimensions: stream.fields
      .filter(({ name }) => folded.has(name))
      .map(({ name }) => name)
      .join(', '),
  };
}

function rollupShape(rollup: RollupSpec, stream: StreamSpec): Record<string, string> {
  const groups: Record<string, string> = { stream: rollup.stream };
  rollup.groupBys.forEach((by, at) => {
    const { accumulators } = layoutOf(rollup, at, stream);
    groups[`[${by.join(', ')}]`] = accumulators
      .map(({ kind, field, decimals }) => `${kind} of ${field} (${decimals} decimals)`)
      .join(', ');
  });
  return groups;
}

export interface ShapeDifferences {
  /** What no stored state can follow. */
  never: string[];
  /** What takes tables that are made anew out of raw. */
  anew: string[];
}

export function shapeDifferences(kept: Shape, now: Shape): ShapeDifferences {
  const found: ShapeDifferences = { never: [], anew: [] };
  if (kept.timezone !== undefined && kept.timezone !== now.timezone)
    found.never.push(`site.timezone: buckets of an hour and longer lie by the clock of ${kept.timezone}`);
  for (const [name, stream] of Object.entries(now.streams))
    if (Object.hasOwn(kept.streams, name))
      compare(`streams.${name}`, { ...kept.streams[name] }, { ...stream }, found, (key) =>
        key === 'counters' ? !sameParts(kept.streams[name].counters, stream.counters) : key !== 'dimensions',
      );
  for (const [name, groups] of Object.entries(now.rollups))
    if (Object.hasOwn(kept.rollups, name)) {
      const before = kept.rollups[name];
      compare(`rollups.${name}`, before, groups, found, (key) =>
        key === 'stream' ? true : !sameParts(before[key], groups[key]),
      );
    }
  return found;
}

function compare(
  what: string,
  before: Record<string, string>,
  after: Record<string, string>,
  found: ShapeDifferences,
  never: (key: string) => boolean,
): void {
  for (const [name, text] of Object.entries(after))
    if (Object.hasOwn(before, name) && before[name] !== text)
      (never(name) ? found.never : found.anew).push(
        `${what}: ${name} was ${before[name] || 'nothing'} and is now ${text || 'nothing'}`,
      );
}

/** Whether what both have is the same: decimals cannot be changed under numbers that are kept. */
function sameParts(before: string, after: string): boolean {
  const old = new Map(partsOf(before).map((part) => [part.name, part.how]));
  return partsOf(after).every(({ name, how }) => (old.get(name) ?? how) === how);
}

/** `max of watts (1 decimals), …` and `kwh (3 decimals, boots by session), …` as `assertShape` writes them. */
export function partsOf(text: string): { name: string; how: string }[] {
  return [...text.matchAll(/([^,()]+) \(([^)]*)\)/g)].map(([, name, how]) => ({ name: name.trim(), how }));
}

export function readShape(file: string): Shape | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Shape;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new WeirError(
      'WEIR_DATA_MISSING',
      `${file} cannot be read; it says what the stored state is made of`,
      { cause },
    );
  }
}
