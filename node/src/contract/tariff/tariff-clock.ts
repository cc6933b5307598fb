import type { DateRule, PeriodRule, TariffPrice, TariffSpec } from '../site/model.ts';
import { Calendar } from '../time/calendar.ts';
import { DAY_MS, MINUTE_MS } from '../time/duration.ts';

/** 1970-01-01 was a Thursday; days of the week are counted from Monday. */
const FIRST_WEEKDAY = 3;

/**
 * Which period of a tariff an instant lies in, and what a unit costs then, by the site's own clock: an hour that the clock
 * goes through twice lies twice in its period, and one that it jumps over in none. Holds: the offsets of the zone and
 * the answer for the instant asked last, since the groups of one bucket ask one after the other.
 */
export class TariffClock {
  readonly spec: TariffSpec;
  readonly #calendar: Calendar;
  readonly #prices: Map<string, TariffPrice>[];
  #lastT = Number.NaN;
  #lastPeriod = 0;

  constructor(spec: TariffSpec) {
    this.spec = spec;
    this.#calendar = new Calendar(spec.timezone);
    this.#prices = spec.prices.map(
      ({ of }) => new Map(of.map(({ period, ...price }) => [period, price] as const)),
    );
  }

  /** Place of the period among those of the tariff. The last of them is the rest, so there is one for every instant. */
  periodAt(t: number): number {
    if (t === this.#lastT) return this.#lastPeriod;
    const local = t + this.#calendar.offsetMs(t);
    const day = Math.floor(local / DAY_MS);
    const minute = Math.floor((local - day * DAY_MS) / MINUTE_MS);
    const { periods } = this.spec;
    let found = 0;
    while (found < periods.length - 1 && !periods[found].rules.some((rule) => fits(rule, day, minute)))
      found++;
    this.#lastT = t;
    this.#lastPeriod = found;
    return found;
  }

  /** Which of the price lists holds, or −1 before the first. */
  listAt(t: number): number {
    return this.spec.prices.findLastIndex(({ fromMs }) => fromMs <= t);
  }

  /** Null where the list has no price for the period, or none holds yet. */
  price(list: number, period: string): TariffPrice | null {
    return this.#prices[list]?.get(period) ?? null;
  }
}

function fits({ days, times, dates }: PeriodRule, day: number, minute: number): boolean {
  if (days !== 0 && (days & (1 << weekdayOf(day))) === 0) return false;
  if (times.length > 0 && !times.some(({ from, to }) => isWithin(minute, from, to))) return false;
  return dates.length === 0 || dates.some((rule) => isDate(rule, day));
}

const weekdayOf = (day: number): number => (((day + FIRST_WEEKDAY) % 7) + 7) % 7;

/** From the first included to the last not included; past midnight, or past the new year, where the last comes first. */
const isWithin = (at: number, from: number, to: number): boolean =>
  from < to ? at >= from && at < to : at >= from || at < to;

function isDate({ yearly, from, to }: DateRule, day: number): boolean {
  if (!yearly) return day >= from && day <= to;
  const date = new Date(day * DAY_MS);
  return isWithin((date.getUTCMonth() + 1) * 100 + date.getUTCDate(), from, to + 1);
}

const clocks = new WeakMap<TariffSpec, TariffClock>();

/** One clock a tariff and thread. */
export function clockOf(spec: TariffSpec): TariffClock {
  let clock = clocks.get(spec);
  if (clock === undefined) {
    clock = new TariffClock(spec);
    clocks.set(spec, clock);
  }
  return clock;
}
