import { readFileSync, writeFileSync } from 'node:fs';
import { SiteSchema } from './schema.ts';
import type { SchemaNode } from './schema-node.ts';

/**
 * `docs/site-file.md` and `docs/site.schema.json`, made from the schema; a test fails when they are stale.
 * `node node/src/contract/site/describe.ts --write` writes them anew.
 */

/** For editors: name it in the file with `# yaml-language-server: $schema=site.schema.json`. */
export function siteJsonSchema(): string {
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...SiteSchema };
  return `${layOut(schema, '', '')}\n`;
}

const LINE_MAX = 110;

/** JSON as the formatter of the repository lays it out: lists on one line where they fit. */
function layOut(value: unknown, indent: string, key: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => layOut(item, inner, '')).join(', ')}]`;
    // The comma after it counts too.
    if (!line.includes('\n') && indent.length + key.length + line.length < LINE_MAX) return line;
    return `[\n${value.map((item) => inner + layOut(item, inner, '')).join(',\n')}\n${indent}]`;
  }
  const lines = Object.entries(value).map(([name, item]) => {
    const label = `${JSON.stringify(name)}: `;
    return inner + label + layOut(item, inner, label);
  });
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n${indent}}`;
}

export function siteFileDoc(): string {
  const sections: string[] = [];
  describeMap('', SiteSchema as SchemaNode, sections);
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

/** The smallest file that shows something; tested to be right. */
export const EXAMPLE = `weir: 1
site: { name: Riverside, timezone: Europe/Berlin }

streams:
  electricity:
    from: meters/{meter}/electricity
    time: ts
    key: meter
    id: [meter, ts]
    fields:
      kwh: { type: counter, unit: kWh, decimals: 3, maxRate: 60/h }
      watts: { type: gauge, unit: W }
      state: text

rollups:
  usage:
    of: electricity
    by: [[meter], [state], []]
    measures: { kwh: increase(kwh), watts: mean(watts), readings: count() }
    tiers: { 1m: 7d, 15m: 30d, 1h: 4mo, 1d: 10y }

dashboards:
  main: { panels: [{ title: Energy, rollup: usage, measure: kwh }] }
`;

const INTRODUCTION = `# The site file

<!-- Made from node/src/contract/site/schema.ts by describe.ts in the same folder; edit those. -->

One YAML file says what comes in, what is counted, how long it is kept and what is shown. \`weir check FILE\` reports every
fault of it at once, with line, column and a suggestion. [site.schema.json](site.schema.json) is the same for editors:
put \`# yaml-language-server: $schema=…/docs/site.schema.json\` on its first line.

\`\`\`yaml
${EXAMPLE}\`\`\`

- **Names** are a letter, then letters, digits and \`_\`, at most 63.
- **Durations** are a whole number and a unit: \`ms s m h d w mo y\`. A year is 365.25 days and a month its twelfth, except
  as widths of buckets, where months and years are those of the calendar.
- **Sizes** are a number and \`B kB MB GB TB\` (thousands) or \`KiB MiB GiB TiB\`.
- **Topics** name the levels that vary: \`meters/{meter}/electricity\`. No two topics of a site may match the same message.
- **Buckets** below an hour lie at multiples of their width in UTC; from an hour on they follow the local clock, so a day
  has 23, 24 or 25 hours.
- **The id** of a reading includes its time, and its key, whether named or not: duplicates are looked for among one key's
  readings of the same time.
`;

function describeMap(path: string, schema: SchemaNode, sections: string[]): void {
  const inner: [string, SchemaNode][] = [];
  let text = `## ${path === '' ? 'The whole' : `\`${path}\``}\n\n`;
  if (schema.description && path !== '') text += `${schema.description}\n\n`;
  const rows = [['key', 'form', 'default', 'meaning']];
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const fallback = schema.required?.includes(key) ? '**needed**' : defaultOf(property);
    rows.push([`\`${key}\``, formOf(property), fallback, property.description ?? '']);
    const below = path === '' ? key : `${path}.${key}`;
    for (const map of mapsIn(property)) inner.push([map.record ? `${below}.NAME` : below, map.schema]);
  }
  text += table(rows);
  const notYet = schema['x-notYet'];
  if (notYet) text += `\nNot supported yet, and refused: ${notYet.map((word) => `\`${word}\``).join(' ')}.\n`;
  sections.push(text);
  for (const [below, map] of inner) describeMap(below, map, sections);
}

/** Columns are padded, as the formatter of the repository wants them. */
function table([head, ...body]: string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((row) => row[column].length)));
  const line = (row: string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |\n`;
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + body.map(line).join('');
}

/** Maps with known keys that a value can be or hold. */
function mapsIn(schema: SchemaNode): { schema: SchemaNode; record: boolean }[] {
  if (schema.properties) return [{ schema, record: false }];
  const inner = [...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])].flatMap(mapsIn);
  const records = Object.values(schema.patternProperties ?? {}).flatMap(mapsIn);
  return [...inner, ...records.map((map) => ({ ...map, record: true }))];
}

function formOf(schema: SchemaNode): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.anyOf) return schema.anyOf.map(formOf).join(' or ');
  if (schema.properties) return 'map';
  if (schema.patternProperties) {
    return `map of ${schema['x-kindOfName']} to ${Object.values(schema.patternProperties).map(formOf).join()}`;
  }
  if (schema.items) return `list of ${formOf(schema.items)}`;
  if (schema.type === 'integer') return `${schema.minimum} to ${schema.maximum}`;
  return schema['x-kind'] ?? schema.type ?? '';
}

function defaultOf(schema: SchemaNode): string {
  const { default: fallback } = schema;
  if (fallback === undefined || fallback === '' || schema.properties || schema.patternProperties) return '';
  return `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
}

/** What is written, and where, from the root of the repository. */
export function describedFiles(): [url: URL, text: string][] {
  const docs = new URL('../../../../docs/', import.meta.url);
  return [
    [new URL('site-file.md', docs), siteFileDoc()],
    [new URL('site.schema.json', docs), siteJsonSchema()],
  ];
}

/** Names of files that differ from the schema. */
export function staleFiles(): string[] {
  return describedFiles()
    .filter(([url, text]) => readFileSync(url, 'utf8') !== text)
    .map(([url]) => url.pathname.split('/').pop() ?? '');
}

if (import.meta.main && process.argv.includes('--write')) {
  for (const [url, text] of describedFiles()) writeFileSync(url, text);
}
