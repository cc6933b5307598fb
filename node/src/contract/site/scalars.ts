import { nearest } from './did-you-mean.ts';
import { choice, quoted } from './faults.ts';
import type { SchemaNode } from './schema-node.ts';
import { whyReserved } from './taken-names.ts';

export interface ScalarFault {
  message: string;
  suggestion: string | null;
}

/** What each kind of text looks like, for the fault that says that this one does not. */
const KINDS: Record<string, { is: string; write: string }> = {
  name: { is: 'no name', write: 'use a letter, then letters, digits and _, at most 63' },
  duration: {
    is: 'no duration',
    write: 'write a whole number and a unit, such as 5s, 15m, 1h, 30d, 4mo or 10y',
  },
  size: { is: 'no size', write: 'write a number and a unit, such as 500MB or 8GB' },
  rate: { is: 'no rate', write: 'write a number and a span, such as 60/h' },
  topic: {
    is: 'no topic of a stream',
    write: 'name levels instead of wildcards: meters/{meter}/electricity',
  },
  measure: {
    is: 'no measure',
    write:
      'write a function and a field, such as sum(used), or arithmetic over measures, such as orders / visits',
  },
  timezone: { is: 'no time zone', write: 'write an IANA name such as Europe/Berlin' },
  file: { is: 'no file name', write: 'write a path' },
  days: {
    is: 'no day of the week',
    write: 'write mon, tue, wed, thu, fri, sat, sun, or two of them: mon-fri',
  },
  times: { is: 'no time of the day', write: 'write quarters of an hour, such as 06:00-22:00' },
  dates: {
    is: 'no date',
    write: 'write 12-25 or 2026-12-25, or from one to another: 12-24..01-06, 2027-01-01..',
  },
  currency: { is: 'no currency', write: 'write its three letters, such as EUR' },
  text: { is: 'too long, or has control characters', write: 'use at most 128 characters on one line' },
};

/** Judges one value against the schema of a text, number, bool, constant or choice. */
export function scalarFault(schema: SchemaNode, value: unknown, path: string): ScalarFault | null {
  if (value === null || value === undefined) return { message: `${path} is empty`, suggestion: hint(schema) };
  if (schema.anyOf !== undefined) return choiceFault(schema, value, path);
  if (schema.const !== undefined) {
    if (value === schema.const) return null;
    return { message: `${path} must be ${schema.const}, not ${shown(value)}`, suggestion: null };
  }
  if (schema.type === 'integer') return integerFault(schema, value, path);
  if (schema.type === 'number') return numberFault(schema, value, path);
  return textFault(schema, value, path);
}

function choiceFault(schema: SchemaNode, value: unknown, path: string): ScalarFault | null {
  const options = (schema.anyOf ?? []).flatMap((branch) => [branch, ...(branch.anyOf ?? [])]);
  const words = options.flatMap((branch) => (branch.const === undefined ? [] : [String(branch.const)]));
  if (words.length === 0) return textFault(options[0], value, path);
  if (typeof value === 'string' && words.includes(value)) return null;
  if (typeof value === 'string' && schema['x-notYet']?.includes(value)) {
    return {
      message: `${path} ${quoted(value)} is not supported yet`,
      suggestion: `it can be ${choice(words)}`,
    };
  }
  const near = nearest(String(value), words);
  const suggestion = near === null ? `it can be ${choice(words)}` : `did you mean ${quoted(near)}?`;
  return { message: `${path} cannot be ${shown(value)}`, suggestion };
}

function integerFault(schema: SchemaNode, value: unknown, path: string): ScalarFault | null {
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
  if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum)
    return null;
  return {
    message: `${path} cannot be ${shown(value)}`,
    suggestion: `write a whole number from ${minimum} to ${maximum}`,
  };
}

function numberFault(schema: SchemaNode, value: unknown, path: string): ScalarFault | null {
  const { minimum, exclusiveMinimum, maximum = Number.MAX_VALUE } = schema;
  const above = exclusiveMinimum === undefined || (typeof value === 'number' && value > exclusiveMinimum);
  const fits = typeof value === 'number' && value >= (minimum ?? -Number.MAX_VALUE) && value <= maximum;
  if (fits && above) return null;
  const from = exclusiveMinimum === undefined ? `from ${minimum}` : `above ${exclusiveMinimum}`;
  return { message: `${path} cannot be ${shown(value)}`, suggestion: `write a number ${from} to ${maximum}` };
}

function textFault(schema: SchemaNode, value: unknown, path: string): ScalarFault | null {
  const kind = schema['x-says'] ?? KINDS[schema['x-kind'] ?? 'text'];
  if (typeof value !== 'string') {
    if (schema['x-kind'] !== 'text')
      return { message: `${path} ${shown(value)} is ${kind.is}`, suggestion: kind.write };
    return {
      message: `${path} must be text, not ${shown(value)}`,
      suggestion: `quote it: "${String(value)}"`,
    };
  }
  const reserved = schema['x-kind'] === 'name' ? whyReserved(value) : null;
  if (reserved !== null)
    return { message: `${path} cannot be ${quoted(value)}: ${reserved}`, suggestion: 'take another name' };
  if (schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(value)) return null;
  return { message: `${path} ${quoted(value)} is ${kind.is}`, suggestion: kind.write };
}

function hint(schema: SchemaNode): string | null {
  const branch = schema.anyOf?.[0] ?? schema;
  return (branch['x-says'] ?? KINDS[branch['x-kind'] ?? ''])?.write ?? null;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : String(value);
}
