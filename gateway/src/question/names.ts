import {
  type MeasureSpec,
  type RollupSpec,
  type Site,
  type StreamSpec,
  WeirError,
  type Where,
} from '@weir/node/contract';
import { didYouMean, quoted } from '../fault/suggest.ts';
import { WHERE } from './check.ts';

/** A filter is looked up value by value in every shard. */
const MAX_WHERE_VALUES = 1_000;

export function rollupNamed(site: Site, name: string): RollupSpec {
  return known('rollup', name, site.rollups);
}

export function streamNamed(site: Site, name: string, field?: string): StreamSpec {
  return known('stream', name, site.streams, field);
}

export function measureNamed(rollup: RollupSpec, name: string, field: string): MeasureSpec {
  return known('measure', name, rollup.measures, field);
}

function known<T extends { name: string }>(kind: string, name: string, all: readonly T[], field?: string): T {
  const found = all.find((one) => one.name === name);
  if (found) return found;
  const names = all.map((one) => one.name);
  throw new WeirError('WEIR_NOT_FOUND', `There is no ${kind} ${quoted(name)}.`, {
    field: field ?? kind,
    suggestion: didYouMean(name, names),
  });
}

/** Values between commas; a backslash takes away a comma's meaning. */
export function listOf(text: string | undefined): string[] {
  if (text === undefined || text === '') return [];
  return splitValues(text);
}

function splitValues(text: string): string[] {
  const values: string[] = [];
  let value = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\' && i + 1 < text.length) value += text[++i];
    else if (text[i] === ',') {
      values.push(value);
      value = '';
    } else value += text[i];
  }
  values.push(value);
  return values;
}

/** The `where.FIELD` parameters; every field must be one of the stream's. */
export function whereOf(query: object, stream: StreamSpec): Where {
  const where: Where = {};
  const fields = fieldsOf(stream);
  for (const [name, given] of Object.entries(query) as [string, string | string[]][]) {
    if (!name.startsWith(WHERE)) continue;
    const field = name.slice(WHERE.length);
    if (!fields.includes(field)) throw noSuchField(stream, field, name, fields);
    const values = [given].flat().flatMap(splitValues);
    if (values.length > MAX_WHERE_VALUES) {
      throw new WeirError('WEIR_TOO_MUCH', `${name} has more than ${MAX_WHERE_VALUES} values.`, {
        field: name,
      });
    }
    where[field] = values;
  }
  return where;
}

export function byOf(text: string | undefined, stream: StreamSpec): string[] {
  const by = [...new Set(listOf(text))];
  const fields = fieldsOf(stream);
  for (const field of by) if (!fields.includes(field)) throw noSuchField(stream, field, 'by', fields);
  return by;
}

function noSuchField(stream: StreamSpec, field: string, parameter: string, fields: string[]): WeirError {
  return new WeirError('WEIR_NOT_FOUND', `The stream ${stream.name} has no field ${quoted(field)}.`, {
    field: parameter.slice(0, 64),
    suggestion: didYouMean(field, fields),
  });
}

function fieldsOf(stream: StreamSpec): string[] {
  return [stream.keyField, ...stream.fields.map((f) => f.name).filter((name) => name !== stream.keyField)];
}

/** A group-by that has every field asked for can answer by folding the rest; if none has, only raw can. */
export function mustBeKept(rollup: RollupSpec, by: string[], where: Where): void {
  const asked = [...new Set([...by, ...Object.keys(where)])];
  if (rollup.groupBys.some((kept) => asked.every((field) => kept.includes(field)))) return;
  const groups = rollup.groupBys.map((kept) => `[${kept.join(', ')}]`).join(', ');
  throw new WeirError(
    'WEIR_NOT_KEPT',
    `No group-by of ${rollup.name} keeps ${asked.join(' and ')} together; it keeps ${groups}.`,
    {
      field: by.length > 0 ? 'by' : `${WHERE}${asked[0]}`,
      suggestion: `Ask the raw events: /api/v1/streams/${encodeURIComponent(rollup.stream)}/events`,
    },
  );
}
