import { tierBoundaries } from '../measures/boundaries.ts';
import { Calendar } from '../time/calendar.ts';
import { DAY_MS } from '../time/duration.ts';
import { daysFromCivil, daysInMonth } from '../time/instant.ts';
import { meant } from './did-you-mean.ts';
import { exactDecimal } from './exact-decimal.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { DateRule, PeriodRule, PriceList, RollupSpec, TariffPeriod, TariffSpec } from './model.ts';
import type { KnownStream } from './resolve-streams.ts';
import type { Draft, SiteFile } from './schema.ts';
import { DATES_PATTERN, DAYS_PATTERN } from './schema-tariff.ts';

type TariffDraft = NonNullable<NonNullable<Draft<NonNullable<SiteFile['site']>>['tariffs']>[string]>;
type RuleDraft = Draft<{ days?: string | string[]; times?: string | string[]; dates?: string | string[] }>;

/** By name; null where the form itself was wrong. */
export function resolveTariffs(
  drafts: Draft<NonNullable<SiteFile['site']>>['tariffs'],
  timezone: string,
  faults: FaultList,
): Map<string, TariffSpec | null> {
  const tariffs = new Map<string, TariffSpec | null>();
  for (const [name, draft] of Object.entries(drafts ?? {}))
    tariffs.set(name, draft === undefined ? null : resolveTariff(name, draft, timezone, faults));
  return tariffs;
}

function resolveTariff(name: string, draft: TariffDraft, timezone: string, faults: FaultList): TariffSpec {
  const path = `site.tariffs.${name}`;
  const periods = resolvePeriods(draft, path, faults);
  const prices = resolvePrices(draft, path, timezone, periods, faults);
  return { name, currency: draft.currency ?? '', timezone, periods, prices };
}

/** Codes of periods; small, since each stored amount has one. */
const CODES = 8192;

/** FNV-1a of the name. */
export function periodCode(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return ((hash ^ (hash >>> 19)) >>> 0) % CODES;
}

function resolvePeriods(draft: TariffDraft, path: string, faults: FaultList): TariffPeriod[] {
  const entries = Object.entries(draft.periods ?? {});
  const periods: TariffPeriod[] = [];
  for (const [at, [name, given]] of entries.entries()) {
    const place = `${path}.periods.${name}`;
    const code = periodCode(name);
    const same = periods.find((one) => one.code === code);
    if (same !== undefined)
      faults.atKey(
        place,
        `${place} cannot be told apart from ${quoted(same.name)} in storage`,
        'give one of them another name',
      );
    const isLast = at === entries.length - 1;
    if (given === 'rest' && !isLast)
      faults.at(place, `${place} takes the rest, and others come after it`, 'put it last');
    if (given !== undefined && given !== 'rest' && isLast)
      faults.at(
        place,
        `the last period of ${path} leaves times over that have none`,
        `add one that takes them: other: rest`,
      );
    const isList = Array.isArray(given);
    const rules = [given].flat().flatMap((rule, index) => {
      if (rule === undefined || rule === 'rest') return [];
      return [resolveRule(rule, isList ? `${place}.${index}` : place, faults)];
    });
    periods.push({ name, code, rules });
  }
  return periods;
}

/** What stands at a key, one or a list, with where each stands. */
function listOf(rule: RuleDraft, key: keyof RuleDraft, path: string): { text: string; place: string }[] {
  const given = rule[key];
  const place = `${path}.${key}`;
  return [given].flat().flatMap((text, at) => {
    if (text === undefined) return [];
    return [{ text, place: Array.isArray(given) ? `${place}.${at}` : place }];
  });
}

function resolveRule(draft: RuleDraft, path: string, faults: FaultList): PeriodRule {
  let days = 0;
  for (const { text } of listOf(draft, 'days', path)) days |= daysOf(text);
  const times = listOf(draft, 'times', path).map(({ text, place }) => {
    const [from, to] = text.split('-').map(minuteOf);
    if (from === to)
      faults.at(place, `${place} ${quoted(text)} ends as it begins`, 'leave times out for all day');
    return { from, to };
  });
  const dates = listOf(draft, 'dates', path).flatMap(({ text, place }) => {
    const rule = dateRule(text);
    if (typeof rule !== 'string') return [rule];
    faults.at(place, `${place} ${quoted(text)} ${rule}`, 'write 12-24..01-06 or 2026-12-24..');
    return [];
  });
  return { days, times, dates };
}

const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const DAYS = new RegExp(DAYS_PATTERN);

/** `sat-mon` goes round the end of the week. */
function daysOf(text: string): number {
  const [, from, to = from] = DAYS.exec(text) ?? [];
  let bits = 0;
  const last = WEEK.indexOf(to);
  for (let day = WEEK.indexOf(from); ; day = (day + 1) % 7) {
    bits |= 1 << day;
    if (day === last) return bits;
  }
}

function minuteOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return hours * 60 + minutes;
}

const DATES = new RegExp(DATES_PATTERN);

/** The rule, or what is wrong with it. */
function dateRule(text: string): DateRule | string {
  if (!DATES.test(text)) return 'is no date';
  const [first, last = first] = text.split('..');
  const isOnce = (date: string) => date.length === 10;
  const given = [first, last].filter((date) => date !== '');
  if (!given.every(isRealDate)) return 'is no date of the calendar';
  if (given.some(isOnce) !== given.every(isOnce)) return 'has a year on one side only';
  if (!given.some(isOnce)) {
    if (given.length < 2) return 'has no end, and comes back every year';
    return { yearly: true, from: monthAndDay(first), to: monthAndDay(last) };
  }
  const from = first === '' ? Number.MIN_SAFE_INTEGER : dayOf(first);
  const to = last === '' ? Number.MAX_SAFE_INTEGER : dayOf(last);
  return from > to ? 'ends before it begins' : { yearly: false, from, to };
}

/** The 29th of February is a date of some years. */
function isRealDate(text: string): boolean {
  const [day, month, year = 2000] = text.split('-').map(Number).reverse();
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}

function monthAndDay(text: string): number {
  const [month, day] = text.split('-').map(Number);
  return month * 100 + day;
}

function dayOf(text: string): number {
  const [year, month, day] = text.split('-').map(Number);
  return daysFromCivil(year, month, day);
}

function resolvePrices(
  draft: TariffDraft,
  path: string,
  timezone: string,
  periods: TariffPeriod[],
  faults: FaultList,
): PriceList[] {
  const names = periods.map((period) => period.name);
  const lists: PriceList[] = [];
  for (const [from, given] of Object.entries(draft.prices ?? {})) {
    const place = `${path}.prices.${from}`;
    if (!isRealDate(from)) {
      faults.atKey(place, `${path}.prices: there is no ${from}`, 'write a date of the calendar');
      continue;
    }
    const missing = names.filter((name) => given !== undefined && !Object.hasOwn(given, name));
    if (missing.length > 0)
      faults.atKey(
        place,
        `${place} has no price of ${missing.map(quoted).join(', ')}`,
        'each list names all periods',
      );
    const of = Object.entries(given ?? {}).flatMap(([period, price]) => {
      if (!names.includes(period))
        faults.at(
          `${place}.${period}`,
          `${place} prices ${quoted(period)}, which is no period`,
          meant(period, names),
        );
      return price === undefined ? [] : [{ period, ...priceOf(price, `${place}.${period}`, faults) }];
    });
    lists.push({ from, fromMs: localMidnight(dayOf(from), timezone), of });
  }
  return lists.sort((a, b) => a.fromMs - b.fromMs);
}

/** With more places than these a cost could not be shown as a number. */
const PLACES_MAX = 8;

function priceOf(price: number, path: string, faults: FaultList) {
  const exact = exactDecimal(price);
  if (exact.places > PLACES_MAX || !Number.isSafeInteger(exact.digits))
    faults.at(path, `${path} has too many digits`, `at most ${PLACES_MAX} after the point`);
  return exact;
}

function localMidnight(day: number, timezone: string): number {
  const calendar = new Calendar(timezone);
  const noon = day * DAY_MS + DAY_MS / 2;
  return calendar.bucketStart(noon - calendar.offsetMs(noon), DAY_MS);
}

/** Fields take the tariffs that they name. */
export function attachTariffs(
  drafts: Draft<SiteFile['streams']>,
  streams: Map<string, KnownStream | null>,
  tariffs: Map<string, TariffSpec | null>,
  faults: FaultList,
): void {
  for (const [stream, known] of streams)
    for (const field of known?.spec.fields ?? []) {
      const draft = drafts[stream]?.fields?.[field.name];
      const named = typeof draft === 'object' ? draft.tariff : undefined;
      if (named === undefined) continue;
      const path = `streams.${stream}.fields.${field.name}.tariff`;
      if (!tariffs.has(named))
        faults.at(path, `${path} names ${quoted(named)}, which is no tariff`, tariffsMeant(named, tariffs));
      if (field.type === 'counter') field.tariff = tariffs.get(named) ?? FAULTY;
    }
}

/** Stands in for a tariff that was at fault itself, so that nothing is said of fields that name it. */
const FAULTY: TariffSpec = { name: '', currency: '', timezone: 'UTC', periods: [], prices: [] };

function tariffsMeant(named: string, tariffs: Map<string, unknown>): string {
  return tariffs.size === 0 ? `declare it: site: { tariffs: { ${named}: … } }` : meant(named, tariffs.keys());
}

/**
 * Amounts are kept by period, and priced by the list that holds when their bucket begins. So no tier may have buckets in
 * which a price changes: all up to a day have none, since lists begin at local midnight.
 */
export function judgePriceDates(
  rollups: Iterable<RollupSpec | null>,
  streams: Map<string, KnownStream | null>,
  timezone: string,
  faults: FaultList,
): void {
  for (const rollup of rollups) {
    const fields = streams.get(rollup?.stream ?? '')?.spec.fields ?? [];
    for (const { fn, field } of rollup?.measures ?? []) {
      const tariff = fn === 'cost' ? fields.find(({ name }) => name === field)?.tariff : undefined;
      if (rollup && tariff) judgeTiers(rollup, tariff, timezone, faults);
    }
  }
}

function judgeTiers(rollup: RollupSpec, tariff: TariffSpec, timezone: string, faults: FaultList): void {
  for (const tier of rollup.tiers) {
    const { start } = tierBoundaries(timezone, tier.widthMs);
    // The first list begins what had no price, which is a change too.
    const within = tariff.prices.find(({ fromMs }) => start(fromMs) !== fromMs);
    if (within === undefined) continue;
    const path = `rollups.${rollup.name}.tiers.${tier.name}`;
    faults.atKey(
      path,
      `a bucket of ${path} has two prices: those of ${tariff.name} change within it, on ${within.from}`,
      `leave this tier out and keep a finer one as long, or let the prices change where its buckets begin`,
    );
  }
}
