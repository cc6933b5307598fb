/** The addresses of questions. Values come from devices, so commas and backslashes are escaped as the gateway reads them. */

export type Where = Record<string, string[]>;

const escaped = (value: string): string => value.replace(/[\\,]/g, '\\$&');

function query(params: Record<string, string | undefined>, where: Where): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    if (value !== undefined && value !== '') search.set(name, value);
  for (const [field, values] of Object.entries(where))
    search.set(`where.${field}`, values.map(escaped).join(','));
  return search.toString();
}

export interface Span {
  from: string;
  to: string;
}

export function rollupPath(
  rollup: string,
  ask: Span & {
    measure: string;
    by: string[];
    where: Where;
    step?: number;
    limit?: number;
    quality?: boolean;
    periods?: boolean;
  },
): string {
  const params = {
    from: ask.from,
    to: ask.to,
    measures: ask.measure,
    by: ask.by.map(escaped).join(','),
    step: ask.step === undefined ? undefined : `${ask.step}`,
    limit: ask.limit === undefined ? undefined : `${ask.limit}`,
    quality: ask.quality ? 'true' : undefined,
    periods: ask.periods ? 'true' : undefined,
  };
  return `/api/v1/rollups/${encodeURIComponent(rollup)}?${query(params, ask.where)}`;
}

export function partsPath(rollup: string, { from, to }: Span, measure: string): string {
  return `/api/v1/rollups/${encodeURIComponent(rollup)}/parts?${query({ from, to, measures: measure }, {})}`;
}

export function topPath(
  rollup: string,
  ask: Span & { measure: string; by: string[]; where: Where; k: number },
): string {
  const params = {
    measure: ask.measure,
    k: `${ask.k}`,
    from: ask.from,
    to: ask.to,
    by: ask.by.map(escaped).join(','),
  };
  return `/api/v1/rollups/${encodeURIComponent(rollup)}/top?${query(params, ask.where)}`;
}

export function livePath(
  rollup: string,
  ask: { measure: string; by: string[]; where: Where; step: string; quality?: boolean },
): string {
  const params = {
    rollup,
    measures: ask.measure,
    by: ask.by.map(escaped).join(','),
    step: ask.step,
    quality: ask.quality ? 'true' : undefined,
  };
  return `/api/v1/live?${query(params, ask.where)}`;
}
