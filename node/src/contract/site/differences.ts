import { formatDuration, formatSize } from '../time/duration.ts';
import type { RollupSpec, Site, StreamSpec, TariffSpec } from './model.ts';

/** What one edit of a site file comes to. */
export interface SiteDifference {
  /** Where in the file: `rollups.usage.tiers.5m`. */
  path: string;
  /** In words. */
  says: string;
  /** `filled`: what it would have counted is made from raw; `kept`: what it counted stays until it is forgotten. */
  becomes: 'filled' | 'kept' | 'changed';
}

/**
 * The differences between two site files as understood: how they are written, the order of their keys and their comments
 * are none. What is new or gone as a whole is told once.
 */
export function siteDifferences(before: Site, after: Site): SiteDifference[] {
  const was = leavesOf(before);
  const is = leavesOf(after);
  const found: SiteDifference[] = [];
  for (const [path, text] of is) {
    const old = was.get(path);
    if (old === undefined) {
      if (!underNew(path, was))
        found.push({ path, says: `${path} is new${textOf(text)}`, becomes: onNew(path) });
    } else if (old !== text)
      found.push({
        path,
        says: `${path} is ${text || 'nothing'}, and was ${old || 'nothing'}`,
        becomes: 'changed',
      });
  }
  for (const [path, text] of was)
    if (!is.has(path) && !underNew(path, is))
      found.push({ path, says: `${path} is gone${textOf(text)}`, becomes: onGone(path) });
  return found;
}

const textOf = (text: string) => (text === '' ? '' : `: ${text}`);

/** Whether the stream or rollup that it belongs to is itself missing in the other file. */
function underNew(path: string, other: Map<string, string>): boolean {
  const whole = path.split('.').slice(0, 2).join('.');
  return whole !== path && /^(?:streams|rollups)\./.test(path) && !other.has(whole);
}

const COUNTS = /^rollups\.\w+(?:\.by \[.*\]|\.tiers\.\w+)?$/;

const onNew = (path: string): SiteDifference['becomes'] => (COUNTS.test(path) ? 'filled' : 'changed');
const onGone = (path: string): SiteDifference['becomes'] => (COUNTS.test(path) ? 'kept' : 'changed');

/** Every place of the file that can differ by itself, and what stands there. A whole comes before its parts. */
function leavesOf(site: Site): Map<string, string> {
  const leaves = new Map<string, string>([
    ['site.name', site.name],
    ['site.timezone', site.timezone],
    ['retention.raw', formatDuration(site.retention.rawMs)],
    ['retention.rawBytes', formatSize(site.retention.rawBytes)],
    ['retention.archive', told(site.retention.archive)],
    ['mqtt.tls', told(site.mqtt.tls)],
    ['http.tls', told(site.http.tls)],
  ]);
  for (const tariff of site.tariffs ?? []) tariffLeaves(tariff, leaves);
  for (const stream of site.streams) streamLeaves(stream, leaves);
  for (const rollup of site.rollups) rollupLeaves(rollup, leaves);
  for (const { name, panels } of site.dashboards)
    leaves.set(`dashboards.${name}`, panels.map(told).join('; '));
  return leaves;
}

function streamLeaves(stream: StreamSpec, leaves: Map<string, string>): void {
  const path = `streams.${stream.name}`;
  const { name: _, sources, fields, latenessMs, ...rest } = stream;
  const from = sources.map((source) => source.from).join(', ');
  leaves.set(path, '');
  leaves.set(`${path}.from`, from);
  leaves.set(`${path}.lateness`, formatDuration(latenessMs));
  for (const [key, value] of Object.entries(rest)) leaves.set(`${path}.${key}`, told(value));
  for (const { name, tariff, ...field } of fields)
    leaves.set(`${path}.fields.${name}`, told({ ...field, tariff: tariff?.name }));
}

function tariffLeaves({ name, currency, periods, prices }: TariffSpec, leaves: Map<string, string>): void {
  const path = `site.tariffs.${name}`;
  leaves.set(`${path}.currency`, currency);
  leaves.set(`${path}.periods`, periods.map((period) => period.name).join(', '));
  for (const { name: period, rules } of periods)
    leaves.set(`${path}.periods.${period}`, rules.length === 0 ? 'the rest' : told(rules));
  for (const { from, of } of prices) {
    const each = of.map(({ period, digits, places }) => `${period} ${digits / 10 ** places}`);
    leaves.set(`${path}.prices.${from}`, each.join(', '));
  }
}

function rollupLeaves(rollup: RollupSpec, leaves: Map<string, string>): void {
  const path = `rollups.${rollup.name}`;
  const { name: _, stream, groupBys, measures, tiers, ...rest } = rollup;
  leaves.set(path, '');
  leaves.set(`${path}.of`, stream);
  for (const by of groupBys) leaves.set(`${path}.by [${by.join(', ')}]`, '');
  for (const { name, fn, field, ...more } of measures)
    leaves.set(
      `${path}.measures.${name}`,
      `${fn}(${field ?? ''})${told(more) === '' ? '' : `, ${told(more)}`}`,
    );
  for (const tier of tiers) leaves.set(`${path}.tiers.${tier.name}`, `kept ${formatDuration(tier.keepMs)}`);
  for (const [key, value] of Object.entries(rest)) leaves.set(`${path}.${key}`, told(value));
}

/** A value of the file on one line: `type counter, decimals 3`. What says nothing is left out. */
function told(value: unknown): string {
  if (value === null || value === undefined || value === '') return '';
  if (Array.isArray(value)) return `[${value.map(told).join(', ')}]`;
  if (typeof value !== 'object') return String(value);
  const parts = Object.entries(value).map(([key, inner]) => [key, told(inner)] as const);
  return parts.flatMap(([key, text]) => (text === '' ? [] : [`${key} ${text}`])).join(', ');
}
