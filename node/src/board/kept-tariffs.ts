import { DAY_MS, MINUTE_MS, type RollupSpec, type Site, type TariffSpec } from '../contract/index.ts';
import { TariffClock } from '../contract/tariff/tariff-clock.ts';

/** What is stored by period: of a field, by whose periods; prices are no part of it. */
export type KeptTariffs = Record<string, Pick<TariffSpec, 'name' | 'timezone' | 'periods'>>;

export function keptTariffs(site: Site): KeptTariffs {
  const kept: KeptTariffs = {};
  for (const { stream, field } of pricedFields(site)) {
    const { name, timezone, periods } = fieldOf(site, stream, field)!.tariff!;
    kept[`streams.${stream}.fields.${field}`] = { name, timezone, periods };
  }
  return kept;
}

/**
 * Periods of the past stay as they were, since amounts that were put together cannot be taken apart anew: faults, in
 * words. Prices may change for any time, and so may periods from now on.
 */
export function tariffFaults(kept: KeptTariffs, site: Site, nowMs: number): string[] {
  const faults: string[] = [];
  for (const { stream, field, keepMs } of pricedFields(site)) {
    const place = `streams.${stream}.fields.${field}`;
    const before = Object.hasOwn(kept, place) ? kept[place] : undefined;
    const tariff = fieldOf(site, stream, field)?.tariff;
    if (before === undefined || tariff === undefined) continue;
    if (JSON.stringify(before.periods) === JSON.stringify(tariff.periods)) continue;
    const span = { from: nowMs - Math.min(keepMs, COMPARED_MS), to: nowMs };
    const fault = differenceIn(span, { ...tariff, ...before }, tariff);
    if (fault !== null) faults.push(`${place}: ${fault}`);
  }
  return faults;
}

const QUARTER_MS = 15 * MINUTE_MS;
/** Some 700,000 quarters of an hour are compared in less than a second, and only when periods were edited. */
const COMPARED_MS = 20 * 366 * DAY_MS;

function differenceIn(span: { from: number; to: number }, kept: TariffSpec, now: TariffSpec): string | null {
  const [was, is] = [new TariffClock(kept), new TariffClock(now)];
  // From now on backwards: what is told is the newest, which is what the edit was about.
  for (let t = Math.floor(span.to / QUARTER_MS) * QUARTER_MS; t >= span.from; t -= QUARTER_MS) {
    const before = kept.periods[was.periodAt(t)].name;
    const after = now.periods[is.periodAt(t)].name;
    if (before === after) continue;
    const at = new Date(t).toISOString();
    return `${at} was in the period ${before} of the tariff ${kept.name}, and is now in ${after}; what was counted is kept apart by period and cannot be divided anew: let periods change from a day to come on, with dates`;
  }
  return null;
}

function pricedFields(site: Site): { stream: string; field: string; keepMs: number }[] {
  return site.rollups.flatMap((rollup) =>
    rollup.measures.flatMap(({ fn, field }) =>
      fn === 'cost' && field !== null ? [{ stream: rollup.stream, field, keepMs: longestKept(rollup) }] : [],
    ),
  );
}

const longestKept = ({ tiers }: RollupSpec): number => Math.max(...tiers.map(({ keepMs }) => keepMs));

const fieldOf = (site: Site, stream: string, field: string) =>
  site.streams.find(({ name }) => name === stream)?.fields.find(({ name }) => name === field);
