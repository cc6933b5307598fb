import { meant } from './did-you-mean.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { MeasureFn, MeasureSpec } from './model.ts';
import { isNumeric } from './resolve-fields.ts';
import type { KnownStream } from './resolve-streams.ts';
import { MEASURE_FNS, MEASURE_FNS_NOT_YET, type RollupDraft } from './schema.ts';

export function resolveMeasures(
  given: RollupDraft['measures'],
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): MeasureSpec[] {
  const measures: MeasureSpec[] = [];
  for (const [name, call] of Object.entries(given ?? {})) {
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
  return { name, fn, field, unit: fn === 'rate' ? `${unit}/s` : unit };
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
