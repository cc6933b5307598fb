import { MAX_GAP_MS } from '../measures/layout.ts';
import { meant, nearest } from './did-you-mean.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { FieldSpec, FieldType, StreamSpec } from './model.ts';
import { judgeBoots, resolveFields } from './resolve-fields.ts';
import { judgeOverlaps, type PlacedSource, resolveSources } from './resolve-sources.ts';
import { span } from './resolve-span.ts';
import type { Draft, SiteFile, StreamDraft } from './schema.ts';
import { whyTaken } from './taken-names.ts';

/** A stream as far as it could be understood: what rollups need to judge their own words. */
export interface KnownStream {
  spec: StreamSpec;
  sources: PlacedSource[];
  /** Types of all names that a rollup may use; null where the type itself was at fault. */
  types: Map<string, FieldType | null>;
}

/** By name, in the order of the file. A stream whose own form was wrong stands with null: its name is known. */
export function resolveStreams(
  drafts: Draft<SiteFile['streams']>,
  faults: FaultList,
): Map<string, KnownStream | null> {
  const streams = new Map<string, KnownStream | null>();
  for (const [name, draft] of Object.entries(drafts)) {
    streams.set(name, draft === undefined ? null : resolveStream(name, draft, faults));
  }
  judgeOverlaps(
    [...streams].map(([name, known]) => [name, known?.sources ?? []]),
    faults,
  );
  return streams;
}

function resolveStream(name: string, draft: StreamDraft, faults: FaultList): KnownStream {
  const path = `streams.${name}`;
  const sources = resolveSources(draft.from, path, faults);
  const topicFields = new Set(sources.flatMap(({ source }) => source.topicFields.map(({ field }) => field)));
  const { fields, types } = resolveFields(draft, path, topicFields, faults);
  const keyField = draft.key ?? '';
  const timeField = draft.time ?? null;
  if (draft.key !== undefined) {
    judgeKey(draft.key, path, types, topicFields, faults);
    types.set(draft.key, 'text');
  }
  if (timeField !== null) judgeTime(timeField, draft, path, topicFields, types, faults);
  const idFields = resolveId(draft, path, types, faults);
  judgeBoots(fields, path, faults);
  const maxGapMs = span(draft.maxGap, `${path}.maxGap`, faults);
  const spec: StreamSpec = {
    name,
    sources: sources.map(({ source }) => source),
    codec: 'json',
    timeField,
    keyField,
    idFields,
    latenessMs: span(draft.lateness, `${path}.lateness`, faults),
    ...(draft.beyondRaw === 'quarantine' && { beyondRaw: 'quarantine' }),
    ...(draft.interval !== undefined && { intervalMs: span(draft.interval, `${path}.interval`, faults) }),
    fields: fields
      .filter((field) => field.name !== keyField && field.name !== timeField)
      .map((field) => withMaxGap(field, maxGapMs)),
    ...expectedOf(draft.expect, path, faults),
  };
  return { spec, sources, types };
}

/** What the stream says of gaps, where it is not what is said everywhere and the field says nothing. */
function withMaxGap(field: FieldSpec, maxGapMs: number): FieldSpec {
  if (field.type !== 'counter' || maxGapMs === MAX_GAP_MS || field.register?.maxGapMs) return field;
  const plain = { modulus: null, noise: 0, boot: null };
  return { ...field, register: { ...plain, ...field.register, maxGapMs } };
}

function expectedOf(
  given: StreamDraft['expect'],
  path: string,
  faults: FaultList,
): Pick<StreamSpec, 'expected'> {
  if (given?.keys === undefined || given.every === undefined) return {};
  const everyMs = span(given.every, `${path}.expect.every`, faults);
  if (everyMs === 0)
    faults.at(`${path}.expect.every`, `${path}.expect.every is no time at all`, 'write 1s or more');
  return { expected: { keys: given.keys, everyMs, pack: given.pack ?? 1 } };
}

function judgeKey(
  key: string,
  path: string,
  types: Map<string, FieldType | null>,
  topicFields: Set<string>,
  faults: FaultList,
): void {
  const type = types.get(key);
  const taken = whyTaken(key);
  if (taken !== null && !types.has(key)) {
    faults.at(`${path}.key`, `a key cannot be called ${quoted(key)}: ${taken}`, 'give it another name');
  } else if (type === undefined) {
    // A key that only the payload names is fine, but next to a level of nearly that name it is a slip.
    const near = nearest(key, topicFields);
    if (near !== null) {
      faults.at(
        `${path}.key`,
        `${path}.key ${quoted(key)} is no level of the topic and no field`,
        `did you mean ${quoted(near)}? If not, declare it: fields: { ${key}: text }`,
      );
    }
  } else if (type !== null && type !== 'text')
    faults.at(
      `${path}.key`,
      `${path}.key ${quoted(key)} is a ${type}; a key is text`,
      `make the field text, or leave it out of fields`,
    );
}

function judgeTime(
  time: string,
  draft: StreamDraft,
  path: string,
  topicFields: Set<string>,
  types: Map<string, FieldType | null>,
  faults: FaultList,
): void {
  const place = `${path}.time`;
  if (time === draft.key)
    faults.at(
      place,
      `${place} and ${path}.key are the same field`,
      'the time comes from the payload, the key says which device it is',
    );
  else if (topicFields.has(time))
    faults.at(
      place,
      `${place} ${quoted(time)} is a level of the topic`,
      'the time comes from the payload; without one, leave time out',
    );
  else if (types.has(time))
    faults.atKey(
      `${path}.fields.${time}`,
      `${quoted(time)} is the time of ${path} and no field beside`,
      'leave it out of fields',
    );
}

/** The key always belongs to it: readings are compared within one key. */
function resolveId(
  draft: StreamDraft,
  path: string,
  types: Map<string, FieldType | null>,
  faults: FaultList,
): string[] {
  const given = draft.id?.filter((name) => name !== undefined) ?? [];
  if (given.length === 0) return [];
  const place = `${path}.id`;
  const known = new Set([...types.keys(), ...(draft.time === undefined ? [] : [draft.time])]);
  for (const [at, name] of (draft.id ?? []).entries()) {
    if (name === undefined) continue;
    if (!known.has(name))
      faults.at(
        `${place}.${at}`,
        `${place} names ${quoted(name)}, which ${path} does not have`,
        meant(name, known),
      );
    else if (given.indexOf(name) < at && draft.id?.indexOf(name) !== at)
      faults.at(`${place}.${at}`, `${place} has ${quoted(name)} twice`);
  }
  if (draft.time === undefined) {
    faults.at(
      place,
      `${place} needs a time field: without one a reading that is sent twice arrives at two times and counts twice`,
      'name the field of the event time: time: ts',
    );
  } else if (!given.includes(draft.time)) {
    faults.at(
      place,
      `${place} must include the time ${quoted(draft.time)}: duplicates are looked for among the readings of the same time`,
      `write [${[...given, draft.time].join(', ')}]`,
    );
  }
  return draft.key === undefined || given.includes(draft.key) ? given : [draft.key, ...given];
}
