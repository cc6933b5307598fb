import { describe, expect, test } from 'vitest';
import { parseSite } from '../site/parse.ts';
import { clockOf, TariffClock } from './tariff-clock.ts';

function clockIn(timezone: string, periods: string, prices = '2026-01-01: { a: 1, rest: 2 }'): TariffClock {
  const { site, faults } = parseSite(
    `weir: 1
site: { timezone: ${timezone}, tariffs: { t: { currency: EUR, periods: ${periods}, prices: { ${prices} } } } }
streams: { s: { from: 's/{k}', key: k } }`,
    'clock.yaml',
  );
  expect(faults).toEqual([]);
  return new TariffClock(site!.tariffs![0]);
}

const at = (clock: TariffClock, time: string) => clock.spec.periods[clock.periodAt(Date.parse(time))].name;

describe('a period of a tariff', () => {
  test('of an hour of the night is as long as the night when the clocks change', () => {
    const clock = clockIn('Europe/Berlin', '{ a: { times: 02:00-03:00 }, rest: rest }');
    const minutes = (day: string) =>
      Array.from({ length: 25 * 60 }, (_, minute) => Date.parse(day) + minute * 60_000).filter(
        (t) => clock.periodAt(t) === 0,
      ).length;
    expect(minutes('2026-03-28T00:00:00+01:00')).toBe(60);
    expect(minutes('2026-03-29T00:00:00+01:00')).toBe(0);
    expect(minutes('2026-10-25T00:00:00+02:00')).toBe(120);
    const howe = clockIn('Australia/Lord_Howe', '{ a: { times: 01:30-02:00 }, rest: rest }');
    const halves = Array.from({ length: 24 * 4 }, (_, q) => Date.UTC(2026, 3, 4, 12) + q * 900_000);
    expect(halves.filter((t) => howe.periodAt(t) === 0)).toHaveLength(4);
  });

  test('that goes past midnight takes the day that the instant lies in', () => {
    const clock = clockIn('Asia/Kolkata', '{ a: { days: fri, times: 22:00-06:00 }, rest: rest }');
    expect(at(clock, '2026-11-27T05:59:59+05:30')).toBe('a');
    expect(at(clock, '2026-11-27T06:00:00+05:30')).toBe('rest');
    expect(at(clock, '2026-11-27T22:00:00+05:30')).toBe('a');
    expect(at(clock, '2026-11-28T00:00:00+05:30')).toBe('rest');
  });

  test('of dates takes both ends, goes past the new year, and may have no end', () => {
    const clock = clockIn(
      'Europe/Berlin',
      "{ a: [{ dates: 12-24..01-06 }, { dates: '2027-06-01..' }], rest: rest }",
    );
    expect(at(clock, '2026-12-23T23:59:59+01:00')).toBe('rest');
    expect(at(clock, '2026-12-24T00:00:00+01:00')).toBe('a');
    expect(at(clock, '2027-01-06T23:59:59+01:00')).toBe('a');
    expect(at(clock, '2027-01-07T00:00:00+01:00')).toBe('rest');
    expect(at(clock, '2027-05-31T23:59:59+02:00')).toBe('rest');
    expect(at(clock, '2031-08-01T00:00:00+02:00')).toBe('a');
  });

  test('of days may go round the end of the week', () => {
    const clock = clockIn('UTC', '{ a: { days: sat-mon }, rest: rest }');
    const week = Array.from({ length: 7 }, (_, day) => at(clock, `2026-11-${23 + day}T12:00:00Z`));
    expect(week).toEqual(['a', 'rest', 'rest', 'rest', 'rest', 'a', 'a']);
  });

  test('is asked of one clock in a thread', () => {
    const { spec } = clockIn('UTC', '{ a: { days: mon }, rest: rest }');
    expect(clockOf(spec)).toBe(clockOf(spec));
  });
});

describe('a price', () => {
  test('holds from local midnight of its date until the next', () => {
    const prices = '2027-01-01: { a: 3, rest: 4 }, 2026-07-01: { a: 0.125, rest: -0.01 }';
    const clock = clockIn('Asia/Kolkata', '{ a: { days: mon }, rest: rest }', prices);
    const list = (time: string) => clock.listAt(Date.parse(time));
    expect(list('2026-06-30T23:59:59+05:30')).toBe(-1);
    expect(list('2026-07-01T00:00:00+05:30')).toBe(0);
    expect(list('2026-12-31T23:59:59+05:30')).toBe(0);
    expect(list('2027-01-01T00:00:00+05:30')).toBe(1);
    expect(clock.price(0, 'a')).toEqual({ digits: 125, places: 3 });
    expect(clock.price(0, 'rest')).toEqual({ digits: -1, places: 2 });
    expect(clock.price(-1, 'a')).toBe(null);
  });
});
