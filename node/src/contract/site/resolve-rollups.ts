import { meant } from './did-you-mean.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { FieldType, RollupSpec } from './model.ts';
import { isNumeric } from './resolve-fields.ts';
import { resolveMeasures } from './resolve-measures.ts';
import { resolveParts } from './resolve-parts.ts';
import type { KnownStream } from './resolve-streams.ts';
import { resolveTiers } from './resolve-tiers.ts';
import { resolveWindow } from './resolve-window.ts';
import type { Draft, RollupDraft, SiteFile } from './schema.ts';

/** By name, in the order of the file; null where the form itself was wrong. */
export function resolveRollups(
  drafts: Draft<NonNullable<SiteFile['rollups']>>,
  streams: Map<string, KnownStream | null>,
  faults: FaultList,
): Map<string, RollupSpec | null> {
  const rollups = new Map<string, RollupSpec | null>();
  for (const [name, draft] of Object.entries(drafts)) {
    rollups.set(name, draft === undefined ? null : resolveRollup(name, draft, streams, faults));
  }
  return rollups;
}

function resolveRollup(
  name: string,
  draft: RollupDraft,
  streams: Map<string, KnownStream | null>,
  faults: FaultList,
): RollupSpec {
  const path = `rollups.${name}`;
  const known = draft.of === undefined ? undefined : streams.get(draft.of);
  if (draft.of !== undefined && !streams.has(draft.of)) {
    faults.at(
      `${path}.of`,
      `${path}.of names ${quoted(draft.of)}, which is no stream`,
      meant(draft.of, streams.keys()),
    );
  }
  // Without a stream its fields are not known, and nothing is said about them.
  const stream = known ?? null;
  const tiers = resolveTiers(draft.tiers, path, faults);
  const window = resolveWindow(draft, path, tiers, faults);
  const groupBys = resolveGroupBys(draft, path, stream, faults);
  const measures = resolveMeasures(draft.measures, path, stream, faults);
  return {
    name,
    stream: draft.of ?? '',
    groupBys,
    measures,
    tiers,
    ...(window !== null && { window }),
    ...resolveParts(draft.parts, path, { groupBys, measures, stream }, faults),
  };
}

function resolveGroupBys(
  draft: RollupDraft,
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): string[][] {
  const groupBys: string[][] = [];
  const seen = new Set<string>();
  for (const [at, group] of (draft.by ?? []).entries()) {
    if (group === undefined) continue;
    const place = `${path}.by.${at}`;
    for (const [index, field] of group.entries()) {
      if (field !== undefined)
        judgeDimension(field, group.indexOf(field) < index, `${place}.${index}`, path, stream, faults);
    }
    const fields = group.filter((field) => field !== undefined);
    const same = [...fields].sort().join(' ');
    if (seen.has(same)) faults.at(place, `${path}.by has [${fields.join(', ')}] twice`, 'take one out');
    seen.add(same);
    groupBys.push(fields);
  }
  return groupBys;
}

function judgeDimension(
  field: string,
  twice: boolean,
  place: string,
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): void {
  if (twice) faults.at(place, `${path}.by has ${quoted(field)} twice in one list`, 'take one out');
  if (stream === null) return;
  const { types, spec } = stream;
  const type = types.get(field);
  if (field === spec.timeField)
    faults.at(
      place,
      `${path}.by groups by the time ${quoted(field)}`,
      'buckets are by time already: see tiers',
    );
  else if (type === undefined) {
    faults.at(
      place,
      `${path}.by names ${quoted(field)}, which streams.${spec.name} does not have`,
      meant(field, dimensions(types)),
    );
  } else if (type !== null && isNumeric(type)) {
    faults.at(
      place,
      `${path}.by groups by ${quoted(field)}, which is a ${type}`,
      `group by text, bool or the key: ${dimensions(types).join(', ')}`,
    );
  }
}

function dimensions(types: Map<string, FieldType | null>): string[] {
  return [...types].filter(([, type]) => type !== null && !isNumeric(type)).map(([name]) => name);
}
