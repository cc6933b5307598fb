import { DAY_MS, HOUR_MS, MONTH_MS } from './duration.ts';
import { daysFromCivil, INSTANT_MAX_MS } from './instant.ts';
import { OffsetTable } from './offsets.ts';

/**
 * Buckets of the site's calendar. The nominal width alone tells how they lie:
 * - below an hour: multiples of the width since the epoch, in UTC, whatever the zone;
 * - hours: a bucket opens whenever the local clock shows, or jumps over, a multiple of the width since midnight. The
 *   hour that a clock goes through twice is two buckets; a part of an hour that it repeats, as in Lord Howe and
 *   Chatham, stays in the bucket that is open by then;
 * - days, counted from Monday 1970-01-05 so that `7d` is a week; months, counted from January of year 0; years:
 *   a bucket opens at the first instant at which the local date has come that far. A date that a zone skips has none.
 * Every boundary of a width is one of each width that divides it (from an hour on), so coarser buckets are unions of
 * finer ones. Holds: the offset transitions of the zone, about 2 a year, and the last bucket it answered.
 */
export class Calendar {
  readonly timezone: string;
  readonly #offsets: OffsetTable;
  // Readings mostly come in the order of time, so the bucket answered last is mostly the next one's too.
  #lastWidth = 0;
  #lastStart = 0;
  #lastEnd = 0;

  /** Throws a RangeError when there is no such zone; `isTimezone` asks first. */
  constructor(timezone: string) {
    this.timezone = timezone;
    this.#offsets = new OffsetTable(timezone);
  }

  /** Start of the bucket of this width that holds the instant. HOT */
  bucketStart(t: number, widthMs: number): number {
    if (widthMs < HOUR_MS) return Math.floor(t / widthMs) * widthMs;
    if (widthMs === this.#lastWidth && t >= this.#lastStart && t < this.#lastEnd) return this.#lastStart;
    // No instant, no bucket: the searches below would not end.
    if (!(Math.abs(t) <= INSTANT_MAX_MS)) return Number.NaN;
    let start: number;
    let end: number;
    if (widthMs < DAY_MS) {
      start = this.#hourStart(t, widthMs);
      end = this.#hourEnd(start, widthMs);
    } else {
      let index = this.#dateIndex(t + this.#offsets.at(t), widthMs);
      start = this.#firstInstant(index, widthMs);
      end = this.#firstInstant(index + 1, widthMs);
      // After a date was skipped, or was begun twice, the local date lags the buckets.
      while (end <= t) {
        index++;
        start = end;
        end = this.#firstInstant(index + 1, widthMs);
      }
    }
    this.#lastWidth = widthMs;
    this.#lastStart = start;
    this.#lastEnd = end;
    return start;
  }

  /** End of the bucket that starts there, which is the start of the next. HOT */
  bucketEnd(start: number, widthMs: number): number {
    if (widthMs < HOUR_MS) return start + widthMs;
    return Number.isNaN(this.bucketStart(start, widthMs)) ? Number.NaN : this.#lastEnd;
  }

  /** Local wall clock minus UTC, in milliseconds. */
  offsetMs(t: number): number {
    return this.#offsets.at(t);
  }

  #hourStart(t: number, widthMs: number): number {
    const offsets = this.#offsets;
    let period = offsets.find(t);
    let instant = t;
    for (;;) {
      const offset = offsets.offset(period);
      const start = Math.floor((instant + offset) / widthMs) * widthMs - offset;
      const opened = offsets.start(period);
      if (start >= opened) return start;
      if (this.#opensAt(period, widthMs)) return opened;
      period--;
      instant = opened - 1;
    }
  }

  #hourEnd(start: number, widthMs: number): number {
    const offsets = this.#offsets;
    let period = offsets.find(start);
    let instant = start;
    for (;;) {
      const offset = offsets.offset(period);
      const end = (Math.floor((instant + offset) / widthMs) + 1) * widthMs - offset;
      const closed = offsets.start(period + 1);
      if (end < closed) return end;
      period++;
      if (this.#opensAt(period, widthMs)) return closed;
      instant = closed;
    }
  }

  /** Whether the transition that opens the period lands on a multiple of the width or jumps over one. */
  #opensAt(period: number, widthMs: number): boolean {
    const opened = this.#offsets.start(period);
    const after = opened + this.#offsets.offset(period);
    const multiple = Math.floor(after / widthMs) * widthMs;
    return multiple === after || multiple >= opened + this.#offsets.offset(period - 1);
  }

  /** Number of the bucket in which a local time lies. */
  #dateIndex(localMs: number, widthMs: number): number {
    const day = Math.floor(localMs / DAY_MS);
    if (widthMs % MONTH_MS === 0) return Math.floor(monthOfDay(day) / (widthMs / MONTH_MS));
    return Math.floor((day - FIRST_MONDAY) / Math.round(widthMs / DAY_MS));
  }

  #firstInstant(index: number, widthMs: number): number {
    return this.#offsets.firstInstant(localStart(index, widthMs));
  }
}

/** 1970-01-05. */
const FIRST_MONDAY = 4;

/** Local midnight, as if it were UTC, with which a bucket of dates begins. */
function localStart(index: number, widthMs: number): number {
  if (widthMs % MONTH_MS === 0) {
    const month = index * (widthMs / MONTH_MS);
    const year = Math.floor(month / 12);
    return daysFromCivil(year, month - year * 12 + 1, 1) * DAY_MS;
  }
  return (index * Math.round(widthMs / DAY_MS) + FIRST_MONDAY) * DAY_MS;
}

/** Months since January of year 0 of a day since 1970-01-01: the inverse of `daysFromCivil`. */
function monthOfDay(day: number): number {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  // The year of this reckoning begins in March.
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  return (era * 400 + yearOfEra) * 12 + monthFromMarch + 2;
}

/**
 * Whether buckets may have this width: below an hour what divides an hour, then what divides a day, then whole days
 * up to a year, then whole months.
 */
export function isBucketWidth(widthMs: number): boolean {
  if (!Number.isSafeInteger(widthMs) || widthMs < 1000) return false;
  if (widthMs < HOUR_MS) return HOUR_MS % widthMs === 0;
  if (widthMs < DAY_MS) return widthMs % HOUR_MS === 0 && DAY_MS % widthMs === 0;
  if (widthMs % MONTH_MS === 0) return widthMs <= 1200 * MONTH_MS;
  return widthMs % DAY_MS === 0 && widthMs <= 366 * DAY_MS;
}

/** Whether every bucket of the wider one is made of whole buckets of the narrower one. */
export function widthDivides(narrowMs: number, wideMs: number): boolean {
  if (wideMs % MONTH_MS !== 0) return wideMs % narrowMs === 0;
  return DAY_MS % narrowMs === 0 || (narrowMs % MONTH_MS === 0 && wideMs % narrowMs === 0);
}
