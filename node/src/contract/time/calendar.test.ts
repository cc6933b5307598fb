import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { Calendar, isBucketWidth, widthDivides } from './calendar.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, MONTH_MS, YEAR_MS } from './duration.ts';
import { isTimezone } from './offsets.ts';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/St_Johns',
  'America/Havana',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Africa/Cairo',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Australia/Eucla',
  'Pacific/Chatham',
  'Pacific/Apia',
];
const HOURS = [1, 2, 3, 4, 6, 8, 12];
const WIDTHS = [...HOURS.map((n) => n * HOUR_MS), DAY_MS, 7 * DAY_MS, MONTH_MS, 3 * MONTH_MS, YEAR_MS];

const zone = fc.constantFrom(...ZONES);
const instant = fc.integer({ min: Date.UTC(2012, 0, 1), max: Date.UTC(2060, 0, 1) });

/** Instants close to a change of the clock, which random ones would hardly ever meet. */
const nearTransition = fc
  .tuple(zone, instant, fc.integer({ min: -26 * 3600, max: 26 * 3600 }))
  .map(([name, from, seconds]) => {
    const next = zoned(from, name).getTimeZoneTransition('next');
    return { name, t: (next?.epochMilliseconds ?? from) + seconds * 1000 };
  });
const anywhere = fc.oneof(fc.record({ name: zone, t: instant }), nearTransition);

function zoned(t: number, name: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(t).toZonedDateTimeISO(name);
}

/** The latest quarter of an hour at which the local clock shows, or jumps over, a multiple of the width. */
function lastOpening(t: number, name: string, width: number): number {
  const wall = (at: number) => at + zoned(at, name).offsetNanoseconds / 1e6;
  let at = Math.floor(t / (15 * MINUTE_MS)) * 15 * MINUTE_MS;
  while (wall(at) % width !== 0 && Math.floor(wall(at) / width) * width <= wall(at - 1)) at -= 15 * MINUTE_MS;
  return at;
}

// A calendar each zone for the whole file, so that its caches are met in every order.
const calendars = new Map(ZONES.map((name) => [name, new Calendar(name)]));
const calendarOf = (name: string) => calendars.get(name) ?? new Calendar(name);
const iso = (t: number, name: string) =>
  zoned(t, name).toString({ smallestUnit: 'minute', timeZoneName: 'never' });

describe('against Temporal', () => {
  test('hours start where Temporal rounds down to', () => {
    const rounded = (t: number, name: string, hours: number) =>
      zoned(t, name).round({ smallestUnit: 'hour', roundingIncrement: hours, roundingMode: 'floor' })
        .epochMilliseconds;
    fc.assert(
      fc.property(anywhere, fc.constantFrom(...HOURS), ({ name, t }, hours) => {
        const start = calendarOf(name).bucketStart(t, hours * HOUR_MS);
        const expected = rounded(t, name, hours);
        if (start === expected) return;
        // Clocks change in the middle of an hour in Chatham: there rounding leads to an hour that had ended before, or to
        // one that begins after the instant, so the definition itself is searched instead.
        expect(name).toBe('Pacific/Chatham');
        expect(start).toBe(lastOpening(t, name, hours * HOUR_MS));
      }),
      { numRuns: 1500 },
    );
  });

  test('days, weeks, months and years start at the first instant of their first date', () => {
    fc.assert(
      fc.property(anywhere, ({ name, t }) => {
        const calendar = calendarOf(name);
        const local = zoned(t, name);
        const date = local.toPlainDate();
        const startOf = (first: Temporal.PlainDate) => first.toZonedDateTime(name).epochMilliseconds;
        expect(calendar.bucketStart(t, DAY_MS)).toBe(startOf(date));
        expect(calendar.bucketEnd(calendar.bucketStart(t, DAY_MS), DAY_MS)).toBe(
          startOf(date.add({ days: 1 })),
        );
        expect(calendar.bucketStart(t, 7 * DAY_MS)).toBe(
          startOf(date.subtract({ days: date.dayOfWeek - 1 })),
        );
        expect(calendar.bucketStart(t, MONTH_MS)).toBe(startOf(date.with({ day: 1 })));
        expect(calendar.bucketStart(t, YEAR_MS)).toBe(startOf(date.with({ day: 1, month: 1 })));
        expect(calendar.offsetMs(t)).toBe(local.offsetNanoseconds / 1e6);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('laws of buckets', () => {
  const since1970 = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
  const places = fc.oneof(fc.record({ name: zone, t: since1970 }), nearTransition);

  test('buckets of a width lie end to end and hold their instant', () => {
    fc.assert(
      fc.property(places, fc.constantFrom(...WIDTHS), ({ name, t }, width) => {
        const calendar = calendarOf(name);
        const start = calendar.bucketStart(t, width);
        const end = calendar.bucketEnd(start, width);
        expect(start).toBeLessThanOrEqual(t);
        expect(end).toBeGreaterThan(t);
        expect(calendar.bucketStart(start, width)).toBe(start);
        expect(calendar.bucketStart(end - 1, width)).toBe(start);
        expect(calendar.bucketStart(end, width)).toBe(end);
      }),
      { numRuns: 2000 },
    );
  });

  test('a boundary of a wide bucket is one of each narrower width that divides it', () => {
    fc.assert(
      fc.property(
        places,
        fc.constantFrom(...WIDTHS),
        fc.constantFrom(...WIDTHS),
        ({ name, t }, one, other) => {
          const [narrow, wide] = [Math.min(one, other), Math.max(one, other)];
          fc.pre(widthDivides(narrow, wide));
          const calendar = calendarOf(name);
          const start = calendar.bucketStart(t, wide);
          expect(calendar.bucketStart(start, narrow)).toBe(start);
          // Quarters of an hour in UTC compose every zone of today.
          if (t > Date.UTC(1975, 0, 1)) expect(start % (15 * MINUTE_MS)).toBe(0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  const lately = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2040, 0, 1) });

  test('an answer does not depend on what was asked before', () => {
    fc.assert(
      fc.property(
        zone,
        fc.array(fc.tuple(lately, fc.constantFrom(...WIDTHS)), { maxLength: 6 }),
        (name, asked) => {
          const used = new Calendar(name);
          for (const [t, width] of asked) {
            expect(used.bucketStart(t, width)).toBe(new Calendar(name).bucketStart(t, width));
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('FAULTS 29: changes of the clock, leap days, zones of :30 and :45', () => {
  const lengths = (name: string, from: string, width: number, count: number) => {
    const calendar = new Calendar(name);
    const starts = [
      calendar.bucketStart(Temporal.PlainDate.from(from).toZonedDateTime(name).epochMilliseconds, width),
    ];
    for (let i = 0; i < count; i++) starts.push(calendar.bucketEnd(starts[i], width));
    return starts.slice(1).map((end, i) => (end - starts[i]) / HOUR_MS);
  };

  test('local days have 23, 24 and 25 hours, and as many buckets of an hour', () => {
    expect(lengths('Europe/Berlin', '2026-03-28', DAY_MS, 3)).toEqual([24, 23, 24]);
    expect(lengths('Europe/Berlin', '2026-10-24', DAY_MS, 3)).toEqual([24, 25, 24]);
    expect(lengths('Europe/Berlin', '2026-03-29', HOUR_MS, 23)).toEqual(new Array(23).fill(1));
    expect(lengths('Europe/Berlin', '2026-10-25', HOUR_MS, 25)).toEqual(new Array(25).fill(1));
    expect(lengths('Europe/Berlin', '2026-10-25', 6 * HOUR_MS, 4)).toEqual([7, 6, 6, 6]);
  });

  test('the half hour that Lord Howe skips or repeats stays in its hour', () => {
    expect(lengths('Australia/Lord_Howe', '2026-10-04', HOUR_MS, 4)).toEqual([1, 1, 0.5, 1]);
    expect(lengths('Australia/Lord_Howe', '2026-04-05', HOUR_MS, 4)).toEqual([1, 1.5, 1, 1]);
    expect(lengths('Australia/Lord_Howe', '2026-04-05', DAY_MS, 1)).toEqual([24.5]);
  });

  test('zones of :30 and :45 begin their hours and days at their own midnight', () => {
    const t = Date.UTC(2026, 5, 15, 12, 0);
    expect(iso(new Calendar('Asia/Kathmandu').bucketStart(t, HOUR_MS), 'Asia/Kathmandu')).toBe(
      '2026-06-15T17:00+05:45',
    );
    expect(iso(new Calendar('America/St_Johns').bucketStart(t, DAY_MS), 'America/St_Johns')).toBe(
      '2026-06-15T00:00-02:30',
    );
    expect(new Calendar('Asia/Kathmandu').bucketStart(t + 1, 15 * MINUTE_MS)).toBe(t);
  });

  test('the day that Apia skipped has no bucket', () => {
    const before = Date.UTC(2011, 11, 30, 9, 59);
    const calendar = new Calendar('Pacific/Apia');
    const start = calendar.bucketStart(before, DAY_MS);
    const end = calendar.bucketEnd(start, DAY_MS);
    expect(iso(start, 'Pacific/Apia')).toBe('2011-12-29T00:00-10:00');
    expect(iso(end, 'Pacific/Apia')).toBe('2011-12-31T00:00+14:00');
    expect((end - start) / HOUR_MS).toBe(24);
    expect((calendar.bucketEnd(end, DAY_MS) - end) / HOUR_MS).toBe(24);
  });

  test('where midnight is skipped or comes twice the day begins at its first instant', () => {
    expect(lengths('America/Sao_Paulo', '2018-11-03', DAY_MS, 2)).toEqual([24, 23]);
    expect(lengths('America/Havana', '2026-11-01', DAY_MS, 2)).toEqual([25, 24]);
    expect(lengths('America/St_Johns', '2010-11-06', DAY_MS, 3)).toEqual([24, 25, 24]);
  });

  test('February has its leap day and a leap year 366 days', () => {
    expect(lengths('Europe/Berlin', '2028-02-01', MONTH_MS, 2)).toEqual([29 * 24, 31 * 24 - 1]);
    expect(lengths('Asia/Kathmandu', '2027-01-01', YEAR_MS, 2)).toEqual([365 * 24, 366 * 24]);
    expect(lengths('UTC', '2100-02-01', MONTH_MS, 1)).toEqual([28 * 24]);
  });
});

test('widths are those that compose, and no number of days is taken for months', () => {
  for (const width of [MINUTE_MS, 15 * MINUTE_MS, ...WIDTHS]) expect(isBucketWidth(width)).toBe(true);
  for (const width of [7 * MINUTE_MS, 5 * HOUR_MS, 36 * HOUR_MS, 0, Number.NaN])
    expect(isBucketWidth(width)).toBe(false);
  expect(widthDivides(7 * DAY_MS, MONTH_MS)).toBe(false);
  expect(widthDivides(DAY_MS, MONTH_MS)).toBe(true);
  expect(widthDivides(MONTH_MS, YEAR_MS)).toBe(true);
});

test('what is no instant has no bucket, and the ends of time have one', () => {
  const calendar = new Calendar('Europe/Berlin');
  for (const width of WIDTHS) {
    for (const t of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300]) {
      expect(calendar.bucketStart(t, width)).toBeNaN();
      expect(calendar.bucketEnd(t, width)).toBeNaN();
    }
    for (const t of [-8.64e15, 8.64e15, Date.UTC(1, 0, 1), Date.UTC(9999, 0, 1)]) {
      expect(calendar.bucketStart(t, width)).toBeLessThanOrEqual(t);
      expect(calendar.bucketEnd(t, width)).toBeGreaterThan(t);
    }
  }
});

test('a zone is an IANA name', () => {
  for (const name of ZONES) expect(isTimezone(name)).toBe(true);
  for (const name of ['Europe/Berln', '+01:00', '', '__proto__', 'a'.repeat(100)])
    expect(isTimezone(name)).toBe(false);
});
