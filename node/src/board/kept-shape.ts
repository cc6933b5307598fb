import { readFileSync } from 'node:fs';
import { layoutOf, type RollupSpec, type Site, type StreamSpec, WeirError } from '../contract/index.ts';
import { writeWhole } from './write-whole.ts';

/**
 * What a site file decides about stored state. State that was written for one shape cannot be read with another, so a
 * start compares the two and refuses with the differences in words; nothing stored is touched. Rollups, group-bys and
 * tiers that are new begin empty, those that are gone are left where they are.
 */
interface Shape {
  streams: Record<string, StreamShape>;
  /** Name of a rollup → group-by → what its buckets are made of. */
  rollups: Record<string, Record<string, string>>;
}

interface StreamShape {
  key: string;
  id: string;
  /** Registers whose readings are kept by key, with their decimals. */
  counters: string;
  /** Fields by which registers are folded. */
  dimensions: string;
}

export function assertShape(site: Site, file: string): void {
  const { now, kept } = checkShape(site, file);
  writeWhole(
    file,
    `${JSON.stringify({ streams: { ...kept?.streams, ...now.streams }, rollups: merged(kept, now) }, null, 2)}\n`,
  );
}

/** The same without a change of the file. */
export function checkShape(site: Site, file: string): { now: Shape; kept: Shape | null } {
  const now = shapeOf(site);
  const kept = readShape(file);
  const faults = kept === null ? [] : differences(kept, now);
  if (faults.length > 0)
    throw new WeirError(
      'WEIR_SITE_INVALID',
      `the site file does not fit what is stored; nothing was changed\n${faults.map((fault) => `  ${fault}\n`).join('')}`,
      { suggestion: 'Undo the edit, give what changed a new name, or start with another --data.' },
    );
  return { now, kept };
}

function merged(kept: Shape | null, now: Shape): Shape['rollups'] {
  const rollups = { ...kept?.rollups };
  for (const [name, groups] of Object.entries(now.rollups)) rollups[name] = { ...rollups[name], ...groups };
  return rollups;
}

function shapeOf(site: Site): Shape {
  const shape: Shape = { streams: {}, rollups: {} };
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
    for (const { fn, field } of rollup.measures)
      if ((fn === 'increase' || fn === 'rate') && field) counted.add(field);
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

function differences(kept: Shape, now: Shape): string[] {
  const faults: string[] = [];
  const compare = (what: string, before: Record<string, string>, after: Record<string, string>) => {
    for (const [name, text] of Object.entries(after))
      if (Object.hasOwn(before, name) && before[name] !== text)
        faults.push(`${what}: ${name} was ${before[name] || 'nothing'} and is now ${text || 'nothing'}`);
  };
  for (const [name, stream] of Object.entries(now.streams))
    if (Object.hasOwn(kept.streams, name))
      compare(`streams.${name}`, { ...kept.streams[name] }, { ...stream });
  for (const [name, groups] of Object.entries(now.rollups))
    if (Object.hasOwn(kept.rollups, name)) compare(`rollups.${name}`, kept.rollups[name], groups);
  return faults;
}

function readShape(file: string): Shape | null {
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
