import { parseRatePerHour } from '../time/duration.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { FieldSpec, FieldType } from './model.ts';
import type { StreamDraft } from './schema.ts';
import { whyTaken } from './taken-names.ts';

type FieldDraft = NonNullable<StreamDraft['fields']>[string];

/** Declared fields in the order of the file, then the levels of topics that nothing declares. */
export function resolveFields(draft: StreamDraft, path: string, topicFields: Set<string>, faults: FaultList) {
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
    const taken = draft.time === name ? null : whyTaken(name);
    if (taken !== null) {
      faults.atKey(place, `a field cannot be called ${quoted(name)}: ${taken}`, 'give it another name');
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

export function isNumeric(type: FieldType): boolean {
  return type === 'counter' || type === 'gauge' || type === 'number';
}
