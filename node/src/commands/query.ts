import type { PartsAnswer, Quality, RollupAnswer, Series, TopAnswer } from '../contract/index.ts';
import { WeirError } from '../contract/index.ts';
import { ask, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { table } from './table.ts';

export const queryCommand: Command = {
  name: 'query',
  usage:
    'query ROLLUP [--from -1h] [--to now] [--by meter] [--where state=NY,CA] [--periods] [--top MEASURE]',
  summary: 'Asks a rollup of a running appliance: its buckets, or the largest groups.',
  options: {
    ...URL_OPTIONS,
    from: { type: 'string', value: 'TIME', help: 'ISO 8601, epoch ms, or relative', default: '-1h' },
    to: { type: 'string', value: 'TIME', help: 'end, not included', default: 'now' },
    step: { type: 'string', value: 'WIDTH', help: 'width of a bucket, such as 15m', default: 'auto' },
    by: { type: 'string', value: 'FIELDS', help: 'group by these fields, comma-separated' },
    where: { type: 'string', value: 'F=V,…', help: 'filter; several conditions are separated by ;' },
    measures: { type: 'string', value: 'NAMES', help: 'only these measures, comma-separated' },
    limit: { type: 'string', value: 'N', help: 'series at the most', default: '20' },
    quality: { type: 'boolean', help: 'tell how far the numbers are to be believed' },
    periods: { type: 'boolean', help: 'tell costs by period of their tariff, too' },
    parts: { type: 'boolean', help: 'meters against those behind them, and the difference' },
    top: { type: 'string', value: 'MEASURE', help: 'the largest groups by this measure instead of buckets' },
  },
  async run(invocation) {
    const rollup = invocation.args[0];
    if (!rollup)
      throw new WeirError('WEIR_USAGE', 'name the rollup to ask, as in: weir query usage --by meter');
    if (invocation.options.parts === true) return parts(invocation, rollup);
    return text(invocation, 'top') === undefined ? buckets(invocation, rollup) : top(invocation, rollup);
  },
};

function params(invocation: Invocation, names: string[]): URLSearchParams {
  const search = new URLSearchParams();
  for (const name of names) {
    const value = text(invocation, name);
    if (value !== undefined) search.set(name, value);
  }
  for (const condition of (text(invocation, 'where') ?? '').split(';').filter(Boolean)) {
    const at = condition.indexOf('=');
    if (at < 1)
      throw new WeirError('WEIR_USAGE', `--where takes FIELD=VALUE, not ${JSON.stringify(condition)}`, {
        field: 'where',
      });
    search.set(`where.${condition.slice(0, at)}`, condition.slice(at + 1));
  }
  return search;
}

async function buckets(invocation: Invocation, rollup: string): Promise<number> {
  const search = params(invocation, ['from', 'to', 'step', 'by', 'measures', 'limit']);
  const quality = invocation.options.quality === true;
  if (quality) search.set('quality', 'true');
  if (invocation.options.periods === true) search.set('periods', 'true');
  const answer = await ask<RollupAnswer>(
    invocation,
    `/api/v1/rollups/${encodeURIComponent(rollup)}?${search}`,
  );
  if (invocation.json) {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return EXIT.fine;
  }
  const names = Object.keys(answer.measures);
  const groups = answer.series[0] ? Object.keys(answer.series[0].by) : [];
  const parts = periodsOf(answer.series);
  const rows = answer.series.flatMap((series) =>
    series.time.map((time, at) => [
      new Date(time).toISOString(),
      ...groups.map((group) => series.by[group] ?? '-'),
      ...names.map((name) => cellOf(series, name, at)),
      ...parts.map(([name, period]) => series.periods?.[name]?.[period]?.cost[at] ?? null),
      series.final[at] ? 'final' : 'open',
      ...(series.quality ? qualityCells(series.quality, names, at) : []),
    ]),
  );
  const units = names.map((name) =>
    answer.measures[name].unit ? `${name} (${answer.measures[name].unit})` : name,
  );
  process.stdout.write(
    table(
      [
        'time',
        ...groups,
        ...units,
        ...parts.map(([name, period]) => `${name}: ${period}`),
        'state',
        ...(quality ? QUALITY_HEADS : []),
      ],
      rows,
    ),
  );
  if (answer.truncated)
    process.stderr.write('More series were left out; raise --limit or filter with --where.\n');
  return EXIT.fine;
}

/** Every measure and period that any of the series has. */
function periodsOf(series: Series[]): [measure: string, period: string][] {
  const found = new Map<string, [string, string]>();
  for (const { periods } of series)
    for (const [measure, columns] of Object.entries(periods ?? {}))
      for (const period of Object.keys(columns)) found.set(`${measure} ${period}`, [measure, period]);
  return [...found.values()];
}

const QUALITY_HEADS = ['coverage', 'estimated', 'late', 'duplicates', 'resets'];

/** Of several measures the one that is estimated most. */
function qualityCells(quality: Quality, names: string[], at: number): (string | number)[] {
  const percent = (share: number | null) => (share === null ? '-' : `${Math.round(share * 100)} %`);
  const estimated = names.map((name) => quality.estimated[name]?.[at] ?? 0);
  const { late, duplicates, resets } = quality;
  return [
    percent(quality.coverage[at]),
    percent(Math.max(0, ...estimated)),
    late[at],
    duplicates[at],
    resets[at],
  ];
}

/** A list is written in one cell, the most frequent first. */
function cellOf(series: Series, name: string, at: number): number | string | null {
  const list = series.lists?.[name]?.[at];
  if (list === undefined) return series.values[name][at];
  return list.length === 0 ? null : list.map(({ value, count }) => `${value} ${count}`).join(', ');
}

/** Three columns a measure: the whole, its parts together, and the difference. */
async function parts(invocation: Invocation, rollup: string): Promise<number> {
  const search = params(invocation, ['from', 'to', 'step', 'measures']);
  const answer = await ask<PartsAnswer>(
    invocation,
    `/api/v1/rollups/${encodeURIComponent(rollup)}/parts?${search}`,
  );
  if (invocation.json) {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return EXIT.fine;
  }
  const names = Object.keys(answer.measures);
  const heads = names.flatMap((name) => {
    const { unit } = answer.measures[name];
    return [unit === '' ? name : `${name} (${unit})`, 'parts', 'difference'];
  });
  const rows = answer.parents.flatMap((one) =>
    one.time.map((time, at) => [
      new Date(time).toISOString(),
      one.parent,
      ...names.flatMap((name) => [one.whole[name][at], one.sum[name][at], one.difference[name][at]]),
      one.final[at] ? 'final' : 'open',
      one.partial[at] ? `partial: without ${one.missing[at].join(', ')}` : 'whole',
    ]),
  );
  process.stdout.write(table(['time', 'meter', ...heads, 'state', 'of'], rows));
  return EXIT.fine;
}

async function top(invocation: Invocation, rollup: string): Promise<number> {
  const search = params(invocation, ['from', 'to', 'by']);
  search.set('measure', text(invocation, 'top') ?? '');
  search.set('k', text(invocation, 'limit') ?? '20');
  const answer = await ask<TopAnswer>(
    invocation,
    `/api/v1/rollups/${encodeURIComponent(rollup)}/top?${search}`,
  );
  if (invocation.json) {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return EXIT.fine;
  }
  const groups = answer.rows[0] ? Object.keys(answer.rows[0].by) : [];
  const rows = answer.rows.map((row) => [
    row.rank,
    ...groups.map((group) => row.by[group] ?? '-'),
    row.value,
  ]);
  process.stdout.write(
    table(['rank', ...groups, `${answer.measure}${answer.unit ? ` (${answer.unit})` : ''}`], rows),
  );
  return EXIT.fine;
}
