import { LIMITS } from '../limits.ts';
import { parseRatePerHour } from '../time/duration.ts';
import { exactDecimal } from './exact-decimal.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { FieldSpec, FieldType, RegisterSpec } from './model.ts';
import { span } from './resolve-span.ts';
import type { StreamDraft } from './schema.ts';
import { whyTaken } from './taken-names.ts';

type FieldDraft = NonNullable<StreamDraft['fields']>[string];
type FieldMap = Exclude<NonNullable<FieldDraft>, string>;

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
  judgeForCounters(type, given, path, faults);
  if (!numeric && given.multiplier !== undefined)
    faults.at(`${path}.multiplier`, `${path} is ${type}; multiplier is for numbers`, 'leave it out');
  const decimals = numeric ? (given.decimals ?? 6) : 0;
  const multiplier = given.multiplier === undefined ? null : exactDecimal(given.multiplier);
  if (multiplier !== null && !Number.isSafeInteger(multiplier.digits))
    faults.at(`${path}.multiplier`, `${path}.multiplier has too many digits`, 'at most 15 are exact');
  return {
    name,
    type,
    unit: numeric ? (given.unit ?? '') : '',
    decimals,
    maxRatePerHour: given.maxRate === undefined ? null : parseRatePerHour(given.maxRate),
    ...(numeric && multiplier !== null && { multiplier }),
    ...(type === 'counter' && registerOf(given, decimals, path, faults)),
  };
}

const FOR_COUNTERS = ['maxRate', 'modulus', 'noise', 'boot', 'maxGap', 'tariff'] as const;

function judgeForCounters(type: FieldType, given: FieldMap, path: string, faults: FaultList): void {
  for (const word of FOR_COUNTERS)
    if (type !== 'counter' && given[word] !== undefined)
      faults.at(
        `${path}.${word}`,
        `${path} is ${type}; ${word} is for counters`,
        'leave it out, or make the field a counter',
      );
}

function registerOf(given: FieldMap, decimals: number, path: string, faults: FaultList) {
  const { modulus, noise, boot, maxGap } = given;
  if ([modulus, noise, boot, maxGap].every((word) => word === undefined)) return {};
  const scale = 10 ** decimals;
  const spec: RegisterSpec = {
    modulus: modulus === undefined ? null : Math.round(modulus * (given.multiplier ?? 1) * scale),
    noise: Math.round((noise ?? 0) * scale),
    boot: boot ?? null,
    maxGapMs: maxGap === undefined ? null : span(maxGap, `${path}.maxGap`, faults),
  };
  if (spec.modulus !== null && (spec.modulus < 4 || spec.modulus > LIMITS.scaledMax))
    faults.at(
      `${path}.modulus`,
      `${path}.modulus times the multiplier does not fit numbers of ${decimals} decimals`,
      'fewer decimals leave more room',
    );
  return { register: spec };
}

/** A boot field says when a device began anew; it must be a field of the same stream. */
export function judgeBoots(fields: FieldSpec[], path: string, faults: FaultList): void {
  for (const { name, register } of fields) {
    const boot = register?.boot ?? null;
    if (boot === null) continue;
    const known = fields.find((field) => field.name === boot);
    if (known === undefined || known.name === name)
      faults.at(
        `${path}.fields.${name}.boot`,
        `${path}.fields.${name}.boot names ${quoted(boot)}, which is no other field of ${path}`,
        `declare it: fields: { ${boot}: text }`,
      );
  }
}

export function isNumeric(type: FieldType): boolean {
  return type === 'counter' || type === 'gauge' || type === 'number';
}
