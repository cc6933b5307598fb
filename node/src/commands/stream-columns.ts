import type { ColumnSpec } from '../archive/row.ts';
import { type SiteAnswer, WeirError } from '../contract/index.ts';

export type StreamOfSite = SiteAnswer['streams'][number];

export function streamOf(site: SiteAnswer, name: string): StreamOfSite {
  const stream = site.streams.find((one) => one.name === name);
  if (stream) return stream;
  throw new WeirError('WEIR_NOT_FOUND', `there is no stream ${JSON.stringify(name)}`, {
    suggestion: `There are: ${site.streams.map((one) => one.name).join(', ')}`,
  });
}

/** The columns of a stream's readings in a file: time, key, then the fields as the site file has them. */
export function timeColumns(stream: StreamOfSite): ColumnSpec[] {
  const typeOf = (type: string): ColumnSpec['type'] =>
    type === 'text' ? 'text' : type === 'bool' ? 'bool' : 'number';
  return [
    { name: 'time', type: 'time' },
    { name: stream.keyField, type: 'text' },
    ...stream.fields.map(({ name, type }) => ({ name, type: typeOf(type) })),
  ];
}
