import { parseDuration, parseRatePerHour } from '../time/duration.ts';
import { nearest } from './did-you-mean.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { FieldSpec, FieldType, SourceSpec, StreamSpec } from './model.ts';
import type { Draft, SiteFile } from './schema.ts';
import { overlap, parsePattern } from './topic-pattern.ts';

type StreamDraft = Draft<SiteFile['streams'][string]>;
type FieldDraft = NonNullable<StreamDraft['fields']>[string];

/** A stream as far as it could be understood: what rollups need to judge their own words. */
export interface KnownStream {
  spec: StreamSpec;
  /** Types of all names that a rollup may use; null where the type itself was at fault. */
  types: Map<string, FieldType | null>;
}

/** Names that answers use for themselves. */
const TAKEN: Record<string, string> = {
  seq: 'seq is the place in the log',
  time: 'time is the event time in answers',
};

/** By name, in the order of the file. A stream whose own form was wrong stands with null: its name is known. */
export function resolveStreams(
  drafts: Draft<SiteFile['streams']>,
  faults: FaultList,
): Map<string, KnownStream | null> {
  const streams = new Map<string, KnownStream | null>();
  for (const [name, draft] of Object.entries(drafts)) {
    streams.set(name, draft === undefined ? null : resolveStream(name, draft, faults));
  }
  judgeOverlaps(streams, faults);
  return streams;
}

function resolveStream(name: string, draft: StreamDraft, faults: FaultList): KnownStream {
  const path = `streams.${name}`;
  const sources = resolveSources(draft, path, faults);
  const topicFields = new Set(sources.flatMap((source) => source.topicFields.map(({ field }) => field)));
  const { fields, types } = resolveFields(draft, path, topicFields, faults);
  const keyField = draft.key ?? '';
  const timeField = draft.time ?? null;
  if (draft.key !== undefined) {
    judgeKey(draft.key, path, types, topicFields, faults);
    types.set(draft.key, 'text');
  }
  if (timeField !== null) judgeTime(timeField, draft, path, topicFields, types, faults);
  const idFields = resolveId(draft, path, types, faults);
  const spec: StreamSpec = {
    name,
    sources,
    codec: 'json',
    timeField,
    keyField,
    idFields,
    latenessMs: span(draft.lateness, `${path}.lateness`, faults),
    fields: fields.filter((field) => field.name !== keyField && field.name !== timeField),
  };
  return { spec, types };
}

function resolveSources(draft: StreamDraft, path: string, faults: FaultList): SourceSpec[] {
  const given = draft.from;
  const list = Array.isArray(given) ? given : [given];
  const sources: SourceSpec[] = [];
  for (const [at, from] of list.entries()) {
    if (from === undefined) continue;
    const place = Array.isArray(given) ? `${path}.from.${at}` : `${path}.from`;
    const { source, faults: found } = parsePattern(from);
    for (const fault of found) faults.at(place, `${place}: ${fault.message}`, fault.suggestion, fault.within);
    if (source !== null) sources.push(source);
  }
  return sources;
}

/** Declared fields in the order of the file, then the levels of topics that nothing declares. */
function resolveFields(draft: StreamDraft, path: string, topicFields: Set<string>, faults: FaultList) {
  const fields: FieldSpec[] = [];
  const types = new Map<string, FieldType | null>();
  for (const [name, field] of Object.entries(draft.fields ?? {})) {
    const place = `${path}.fields.${name}`;
    const spec = field === undefined ? null : resolveField(name, field, place, faults);
    types.set(name, spec?.type ?? null);
    if (spec === null) continue;
    fields.push(spec);
    if (topicFields.has(name) && spec.type !== 'text') {
      faults.at(
        place,
        `${place} is a level of the topic, which is text, not ${spec.type}`,
        'make it text, or leave it out',
      );
    }
    if (Object.hasOwn(TAKEN, name) && draft.time !== name) {
      faults.atKey(place, `a field cannot be called ${quoted(name)}: ${TAKEN[name]}`, 'give it another name');
    }
  }
  for (const name of topicFields) {
    if (types.has(name)) continue;
    types.set(name, 'text');
    fields.push({ name, type: 'text', unit: '', decimals: 0, maxRatePerHour: null });
  }
  return { fields, types };
}

function resolveField(
  name: string,
  draft: NonNullable<FieldDraft>,
  path: string,
  faults: FaultList,
): FieldSpec | null {
  const given: Exclude<FieldDraft, string | undefined> = typeof draft === 'string' ? { type: draft } : draft;
  if (given.type === undefined) return null;
  const type = given.type as FieldType;
  const numeric = isNumeric(type);
  // The default of decimals is filled in before, so only what differs from it was surely written.
  if (!numeric && given.unit)
    faults.at(`${path}.unit`, `${path} is ${type}, which has no unit`, 'leave unit out');
  if (type !== 'counter' && given.maxRate !== undefined) {
    faults.at(
      `${path}.maxRate`,
      `${path} is ${type}; maxRate is for counters`,
      'leave it out, or make the field a counter',
    );
  }
  return {
    name,
    type,
    unit: numeric ? (given.unit ?? '') : '',
    decimals: numeric ? (given.decimals ?? 6) : 0,
    maxRatePerHour: given.maxRate === undefined ? null : parseRatePerHour(given.maxRate),
  };
}

function judgeKey(
  key: string,
  path: string,
  types: Map<string, FieldType | null>,
  topicFields: Set<string>,
  faults: FaultList,
): void {
  const type = types.get(key);
  if (type === undefined) {
    // A key that only the payload names is fine, but next to a level of nearly that name it is a slip.
    const near = nearest(key, topicFields);
    if (near !== null) {
      faults.at(
        `${path}.key`,
        `${path}.key ${quoted(key)} is no level of the topic and no field`,
        `did you mean ${quoted(near)}? If not, declare it: fields: { ${key}: text }`,
      );
    }
    return;
  }
  if (type !== null && type !== 'text')
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

function judgeOverlaps(streams: Map<string, KnownStream | null>, faults: FaultList): void {
  const before: { filter: string; from: string; stream: string }[] = [];
  for (const [stream, known] of streams) {
    for (const { filter, from } of known?.spec.sources ?? []) {
      const place = `streams.${stream}.from`;
      for (const other of before) {
        const topic = overlap(filter, other.filter);
        if (topic === null) continue;
        const whose = other.stream === stream ? 'the same stream' : `streams.${other.stream}`;
        faults.at(
          place,
          `${place} ${quoted(from)} overlaps ${quoted(other.from)} of ${whose}`,
          `both match ${quoted(topic)}; a reading belongs to one stream`,
        );
      }
      before.push({ filter, from, stream });
    }
  }
}

export function isNumeric(type: FieldType): boolean {
  return type === 'counter' || type === 'gauge' || type === 'number';
}

/** What a wrong name may have meant, or what there is. */
export function meant(name: string, known: Iterable<string>): string {
  const all = [...known];
  const near = nearest(name, all);
  if (near !== null) return `did you mean ${quoted(near)}?`;
  return all.length === 0 ? 'there are none' : `there is ${all.slice(0, 12).join(', ')}`;
}

/** A duration of the right form can still be more than numbers hold. */
export function span(text: string | undefined, path: string, faults: FaultList): number {
  if (text === undefined) return 0;
  const ms = parseDuration(text);
  if (ms === null || ms > SPAN_MAX_MS)
    faults.at(path, `${path} ${quoted(text)} is too long`, 'at most 200y are possible');
  return ms ?? 0;
}

const SPAN_MAX_MS = parseDuration('200y') ?? 0;
