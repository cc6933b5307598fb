import { isBucketWidth, widthDivides } from '../time/calendar.ts';
import { formatDuration, MINUTE_MS, parseDuration } from '../time/duration.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { FieldType, MeasureFn, MeasureSpec, RollupSpec, TierSpec } from './model.ts';
import { isNumeric, type KnownStream, meant, span } from './resolve-streams.ts';
import { type Draft, MEASURE_FNS, MEASURE_FNS_NOT_YET, type SiteFile } from './schema.ts';

type RollupDraft = Draft<NonNullable<SiteFile['rollups']>[string]>;

/** The finest tier composes every offset of a zone, which are multiples of 15 minutes. */
const FINEST_MS = 15 * MINUTE_MS;

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
  return {
    name,
    stream: draft.of ?? '',
    groupBys: resolveGroupBys(draft, path, stream, faults),
    measures: resolveMeasures(draft, path, stream, faults),
    tiers: resolveTiers(draft, path, faults),
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

function resolveMeasures(
  draft: RollupDraft,
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): MeasureSpec[] {
  const measures: MeasureSpec[] = [];
  for (const [name, call] of Object.entries(draft.measures ?? {})) {
    if (call === undefined) continue;
    const measure = resolveMeasure(name, call, `${path}.measures.${name}`, stream, faults);
    if (measure !== null) measures.push(measure);
  }
  return measures;
}

function resolveMeasure(
  name: string,
  call: string,
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): MeasureSpec | null {
  const [word, field] = call
    .trim()
    .slice(0, -1)
    .split('(')
    .map((part) => part.trim());
  const fn = MEASURE_FNS.find((known) => known === word);
  if (fn === undefined) {
    if (MEASURE_FNS_NOT_YET.test(word))
      faults.at(path, `${path}: ${word}() is not supported yet`, `there is ${MEASURE_FNS.join(', ')}`);
    else faults.at(path, `${path}: there is no function ${quoted(word)}`, meant(word, MEASURE_FNS));
    return null;
  }
  if (fn === 'count') {
    if (field !== '')
      faults.at(
        path,
        `${path}: count() counts readings and takes no field`,
        'write count()',
        call.indexOf(field),
      );
    return { name, fn, field: null, unit: '' };
  }
  const unit = judgeMeasured(fn, field, call.indexOf('(') + 1, path, stream, faults);
  return { name, fn, field, unit: fn === 'rate' ? `${unit}/h` : unit };
}

/** Answers the unit of the field. */
function judgeMeasured(
  fn: MeasureFn,
  field: string,
  within: number,
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): string {
  if (field === '') {
    faults.at(path, `${path}: ${fn}() needs a field`, `write ${fn}(field)`);
    return '';
  }
  if (stream === null) return '';
  const { types, spec } = stream;
  const numeric = [...types].filter(([, type]) => type !== null && isNumeric(type)).map(([name]) => name);
  const type = types.get(field);
  if (type === undefined) {
    faults.at(
      path,
      `${path} names ${quoted(field)}, which streams.${spec.name} does not have`,
      meant(field, numeric),
      within,
    );
  } else if (type === null) return '';
  else if (!isNumeric(type)) {
    faults.at(
      path,
      `${path}: ${fn}() needs a number, and ${quoted(field)} is ${type}`,
      meant(field, numeric),
      within,
    );
  } else if ((fn === 'increase' || fn === 'rate') && type !== 'counter') {
    faults.at(
      path,
      `${path}: ${fn}() needs a counter, and ${quoted(field)} is a ${type}`,
      `declare it so if it only goes up, or use sum(${field}) or mean(${field})`,
      within,
    );
  } else if (fn === 'sum' && type === 'counter') {
    faults.at(
      path,
      `${path}: sum() of the counter ${quoted(field)} adds up register readings`,
      `use increase(${field})`,
    );
  }
  return spec.fields.find(({ name }) => name === field)?.unit ?? '';
}

function resolveTiers(draft: RollupDraft, path: string, faults: FaultList): TierSpec[] {
  const tiers: TierSpec[] = [];
  for (const [name, keep] of Object.entries(draft.tiers ?? {})) {
    const place = `${path}.tiers.${name}`;
    const widthMs = parseDuration(name) ?? 0;
    if (!isBucketWidth(widthMs)) {
      faults.atKey(
        place,
        `${path}.tiers: no buckets can be ${name} wide`,
        'take what divides an hour or a day, or whole days, months or years',
      );
      continue;
    }
    judgeOrder(tiers[tiers.length - 1], name, widthMs, place, path, faults);
    const keepMs = span(keep, place, faults);
    if (keep !== undefined && keepMs > 0 && keepMs < widthMs) {
      faults.at(
        place,
        `${place} keeps buckets for ${keep}, less than one of them is wide`,
        `keep them at least ${formatDuration(widthMs)}`,
      );
    }
    if (keepMs === 0 && keep !== undefined)
      faults.at(place, `${place} keeps nothing`, 'give a span, such as 7d');
    tiers.push({ name, widthMs, keepMs });
  }
  return tiers;
}

function judgeOrder(
  before: TierSpec | undefined,
  name: string,
  widthMs: number,
  place: string,
  path: string,
  faults: FaultList,
): void {
  if (before === undefined) {
    if (FINEST_MS % widthMs === 0) return;
    const suggestion = 'begin with 15m or what divides it, such as 1m or 5m';
    const why = widthMs > FINEST_MS ? 'is wider than 15m' : 'does not divide 15m';
    faults.atKey(
      place,
      `the finest tier of ${path}, ${name}, ${why}, of which the hours and days of every zone are made`,
      suggestion,
    );
  } else if (widthMs <= before.widthMs) {
    faults.atKey(
      place,
      `${path}.tiers: ${name} comes after ${before.name}, which is no finer`,
      'order tiers from the finest on',
    );
  } else if (!widthDivides(before.widthMs, widthMs)) {
    faults.atKey(
      place,
      `${path}.tiers: buckets of ${name} are not made of whole buckets of ${before.name}`,
      `each tier must divide the next`,
    );
  }
}
