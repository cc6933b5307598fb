import { type ColumnSpec, FORMATS, type Format, formatOf, type Row } from '../archive/row.ts';
import { writeFileOfRows, writeText } from '../archive/write-rows.ts';
import type { EventsAnswer, RollupAnswer, SiteAnswer } from '../contract/index.ts';
import { parseInstant, WeirError } from '../contract/index.ts';
import { ask, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, type Invocation, needed, text } from './command.ts';
import { streamOf, timeColumns } from './stream-columns.ts';

/** What one question asks for at first; halved when the answer does not hold it, doubled when it is nearly empty. */
const WINDOW_MS = 3_600_000;
const PAGE_EVENTS = 10_000;
const PAGE_BUCKETS = 400;

export const exportCommand: Command = {
  name: 'export',
  usage:
    'export (--stream NAME | --rollup NAME) --from TIME [--to TIME] [--format csv|ndjson|parquet] [--out FILE]',
  summary:
    'Writes raw readings of a stream, or buckets of a rollup, to a file or to stdout. Readings can be imported again.',
  options: {
    ...URL_OPTIONS,
    stream: { type: 'string', value: 'NAME', help: 'raw readings of a stream' },
    rollup: { type: 'string', value: 'NAME', help: 'buckets of a rollup' },
    by: { type: 'string', value: 'FIELDS', help: 'rollup: fields to group by, between commas' },
    step: { type: 'string', value: 'WIDTH', help: 'rollup: width of a bucket', default: '1h' },
    from: { type: 'string', value: 'TIME', help: 'begin, as event time' },
    to: { type: 'string', value: 'TIME', help: 'end', default: 'now' },
    format: {
      type: 'string',
      value: 'FORMAT',
      help: 'csv, ndjson or parquet; without it as FILE ends, else csv',
    },
    out: { type: 'string', value: 'FILE', help: 'where to; stdout without it' },
  },
  async run(invocation) {
    const out = text(invocation, 'out');
    const format = formatAsked(text(invocation, 'format'), out);
    const range = rangeOf(invocation);
    const { columns, rows } = await sourceOf(invocation, range);
    if (out === undefined) {
      if (format === 'parquet') throw new WeirError('WEIR_USAGE', 'Parquet needs a file: --out FILE');
      await writeText(process.stdout, format, columns, rows);
      return EXIT.fine;
    }
    const count = await writeFileOfRows(out, format, columns, rows);
    if (invocation.json) process.stdout.write(`${JSON.stringify({ file: out, format, rows: count })}\n`);
    else process.stderr.write(`${count} rows in ${out}\n`);
    return EXIT.fine;
  },
};

interface Range {
  from: number;
  to: number;
}

function formatAsked(asked: string | undefined, out: string | undefined): Format {
  const format = asked ?? (out === undefined ? null : formatOf(out)) ?? 'csv';
  const known = FORMATS.find((one) => one === format);
  if (known) return known;
  throw new WeirError('WEIR_USAGE', `--format takes ${FORMATS.join(', ')}, not ${JSON.stringify(format)}`, {
    field: 'format',
  });
}

/** Fixed at the beginning: what comes meanwhile must not move the end. */
function rangeOf(invocation: Invocation): Range {
  const now = Date.now();
  const from = parseInstant(needed(invocation, 'from'), now);
  const to = parseInstant(text(invocation, 'to') ?? 'now', now);
  if (from === null || to === null || from >= to)
    throw new WeirError('WEIR_USAGE', '--from and --to are two times, the first before the second', {
      suggestion: 'As in: --from 2026-01-31 --to 2026-02-01, or --from -1d',
    });
  return { from, to };
}

async function sourceOf(
  invocation: Invocation,
  range: Range,
): Promise<{ columns: ColumnSpec[]; rows: AsyncIterable<Row> }> {
  const site = await ask<SiteAnswer>(invocation, '/api/v1/site');
  const rollup = text(invocation, 'rollup');
  if (rollup === undefined) {
    const stream = streamOf(site, needed(invocation, 'stream'));
    return { columns: timeColumns(stream), rows: events(invocation, stream.name, range) };
  }
  const spec = site.rollups.find((one) => one.name === rollup);
  if (!spec) throw new WeirError('WEIR_NOT_FOUND', `there is no rollup ${JSON.stringify(rollup)}`);
  const by = (text(invocation, 'by') ?? '').split(',').filter(Boolean);
  const columns: ColumnSpec[] = [
    { name: 'time', type: 'time' },
    ...by.map((name) => ({ name, type: 'text' as const })),
    ...spec.measures.map(({ name }) => ({ name, type: 'number' as const })),
    { name: 'final', type: 'bool' },
  ];
  return { columns, rows: buckets(invocation, rollup, by, range) };
}

/** Readings in the order of time, window by window: an answer that leaves some out is asked for in halves. */
async function* events(invocation: Invocation, stream: string, { from, to }: Range): AsyncGenerator<Row> {
  let width = WINDOW_MS;
  for (let at = from; at < to; ) {
    const end = Math.min(to, at + width);
    const search = new URLSearchParams({
      from: String(at),
      to: String(end),
      order: 'asc',
      limit: String(PAGE_EVENTS),
    });
    const answer = await ask<EventsAnswer>(invocation, `/api/v1/streams/${stream}/events?${search}`);
    if (answer.truncated) {
      if (width <= 1)
        throw new WeirError(
          'WEIR_TOO_MUCH',
          `more than ${PAGE_EVENTS} readings are of ${new Date(at).toISOString()}`,
        );
      width = Math.max(1, Math.floor(width / 2));
      continue;
    }
    for (const { seq: _, ...event } of answer.events) yield event;
    at = end;
    if (answer.events.length < PAGE_EVENTS / 4) width *= 2;
  }
}

async function* buckets(
  invocation: Invocation,
  rollup: string,
  by: string[],
  { from, to }: Range,
): AsyncGenerator<Row> {
  const step = text(invocation, 'step') ?? '1h';
  let width = WINDOW_MS;
  for (let at = from; at < to; ) {
    const search = new URLSearchParams({
      from: String(at),
      to: String(Math.min(to, at + width)),
      step,
      limit: '1000',
    });
    if (by.length > 0) search.set('by', by.join(','));
    const answer = await ask<RollupAnswer>(invocation, `/api/v1/rollups/${rollup}?${search}`);
    if (answer.truncated)
      throw new WeirError(
        'WEIR_TOO_MUCH',
        'more than 1000 series: group by less, or export the raw readings',
      );
    for (const { by: group, time, values, final } of answer.series)
      for (const [bucket, start] of time.entries()) {
        // A bucket belongs to the window in which it starts.
        if (start < at) continue;
        const cells = Object.entries(values).map(([name, column]) => [name, column[bucket]]);
        yield { time: start, ...group, ...Object.fromEntries(cells), final: final[bucket] };
      }
    at += width;
    if (width / answer.step < PAGE_BUCKETS / 2) width *= 2;
  }
}
