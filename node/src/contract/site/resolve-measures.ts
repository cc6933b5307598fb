import { parseExpression, unitOfExpression } from '../measures/expression.ts';
import { quantileIn } from '../measures/quantile-fn.ts';
import { meant } from './did-you-mean.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { MeasureFn, MeasureSpec, QuantileFn } from './model.ts';
import { isNumeric } from './resolve-fields.ts';
import type { KnownStream } from './resolve-streams.ts';
import { CALL_PATTERN, MEASURE_FNS, type RollupDraft } from './schema.ts';

export function resolveMeasures(
  given: RollupDraft['measures'],
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): MeasureSpec[] {
  const texts = Object.entries(given ?? {}).filter((one): one is [string, string] => one[1] !== undefined);
  const calls = new Map<string, MeasureSpec | null>();
  for (const [name, text] of texts)
    if (CALL.test(text))
      calls.set(name, resolveMeasure(name, text, `${path}.measures.${name}`, stream, faults));
  return texts.flatMap(([name, text]) => {
    const place = `${path}.measures.${name}`;
    const measure = calls.has(name)
      ? calls.get(name)
      : resolveExpression(name, text, place, calls, new Set(texts.map(([one]) => one)), faults);
    return measure === null || measure === undefined ? [] : [measure];
  });
}

const CALL = new RegExp(CALL_PATTERN);

/** An expression names measures that are functions, so there is no circle and no end to look for. */
function resolveExpression(
  name: string,
  text: string,
  path: string,
  calls: Map<string, MeasureSpec | null>,
  all: Set<string>,
  faults: FaultList,
): MeasureSpec | null {
  const parsed = parseExpression(text);
  if (!('root' in parsed)) {
    faults.at(path, `${path}: ${parsed.message}`, parsed.suggestion, parsed.at);
    return null;
  }
  const operands: MeasureSpec[] = [];
  for (const { name: operand, at } of parsed.operands) {
    const spec = calls.get(operand);
    if (spec === undefined && all.has(operand)) {
      faults.at(path, `${path} names ${quoted(operand)}, which is an expression itself`, 'write it out', at);
    } else if (spec === undefined) {
      faults.at(
        path,
        `${path} names ${quoted(operand)}, which is no measure here`,
        meant(operand, calls.keys()),
        at,
      );
    } else if (spec?.fn === 'top') {
      faults.at(path, `${path} names ${quoted(operand)}, which is a list and no number`, 'leave it out', at);
    }
    if (spec) operands.push(spec);
  }
  if (parsed.operands.length === 0) {
    faults.at(path, `${path} names no measure`, 'write arithmetic over measures, such as orders / visits');
  }
  if (operands.length < parsed.operands.length || operands.length === 0) return null;
  const unit = unitOfExpression(
    parsed,
    operands.map((one) => one.unit),
  );
  return { name, fn: 'expression', field: null, unit, expression: { text, operands } };
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
  const fn = functionNamed(word);
  if (fn === null) {
    if (/^p[0-9]/.test(word)) {
      faults.at(
        path,
        `${path}: there is no quantile ${quoted(word)}`,
        'write the digits after the point: p05, p50, p95, p999',
      );
    } else faults.at(path, `${path}: there is no function ${quoted(word)}`, meant(word, MEASURE_FNS));
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
  const within = call.indexOf('(') + 1;
  if (fn === 'distinct' || fn === 'top') {
    judgeNamed(fn, field, within, path, stream, faults);
    return { name, fn, field, unit: '' };
  }
  const unit = judgeMeasured(fn, field, within, path, stream, faults);
  if (fn === 'cost') return { name, fn, field, unit: judgeTariff(field, within, path, stream, faults) };
  return { name, fn, field, unit: fn === 'rate' ? `${unit}/s` : unit };
}

function functionNamed(word: string): MeasureFn | null {
  if (quantileIn(word) !== null) return word as QuantileFn;
  return MEASURE_FNS.find((known) => known === word) ?? null;
}

/** Of what values are only told apart. */
function judgeNamed(
  fn: 'distinct' | 'top',
  field: string,
  within: number,
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): void {
  if (field === '') faults.at(path, `${path}: ${fn}() needs a field`, `write ${fn}(field)`);
  if (field === '' || stream === null) return;
  const { types, spec } = stream;
  const type = types.get(field);
  const texts = [...types].filter(([, one]) => one === 'text').map(([name]) => name);
  if (type === undefined) {
    faults.at(
      path,
      `${path} names ${quoted(field)}, which streams.${spec.name} does not have`,
      meant(field, fn === 'top' ? texts : types.keys()),
      within,
    );
  } else if (fn === 'top' && field === spec.keyField) {
    faults.at(
      path,
      `${path}: top() of the key ${quoted(field)} is what a group-by answers exactly`,
      `group by [${field}] and ask for its largest: /top`,
      within,
    );
  } else if (fn === 'top' && type !== null && type !== 'text') {
    faults.at(
      path,
      `${path}: top() needs a text, and ${quoted(field)} is ${type}`,
      meant(field, texts),
      within,
    );
  }
}

/** Answers the currency of the field's tariff. */
function judgeTariff(
  field: string,
  within: number,
  path: string,
  stream: KnownStream | null,
  faults: FaultList,
): string {
  const spec = stream?.spec.fields.find(({ name }) => name === field);
  if (spec?.type === 'counter' && spec.tariff === undefined && stream !== null)
    faults.at(
      path,
      `${path}: cost() needs a tariff, and ${quoted(field)} has none`,
      `name one: streams.${stream.spec.name}.fields.${field}: { tariff: … }`,
      within,
    );
  return spec?.tariff?.currency ?? '';
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
  } else if ((fn === 'increase' || fn === 'rate' || fn === 'cost') && type !== 'counter') {
    faults.at(
      path,
      `${path}: ${fn}() needs a counter, and ${quoted(field)} is a ${type}`,
      `declare it so if it only goes up, or use sum(${field}) or mean(${field})`,
      within,
    );
  } else if (fn === 'timeMean' && type !== 'gauge') {
    faults.at(
      path,
      `${path}: timeMean() needs a gauge, and ${quoted(field)} is a ${type}`,
      type === 'counter'
        ? `use rate(${field})`
        : `declare it so if its value stands until the next, or use mean(${field})`,
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
