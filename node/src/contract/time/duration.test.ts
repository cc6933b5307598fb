import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DAY_MS,
  formatDuration,
  formatSize,
  HOUR_MS,
  MONTH_MS,
  parseDuration,
  parseRatePerHour,
  parseSize,
  YEAR_MS,
} from './duration.ts';

test('durations are whole numbers with a unit', () => {
  expect(['5s', '15m', '1h', '30d', '4mo', '10y', '1w', '250ms', '0s'].map(parseDuration)).toEqual([
    5000,
    900_000,
    HOUR_MS,
    30 * DAY_MS,
    4 * MONTH_MS,
    10 * YEAR_MS,
    7 * DAY_MS,
    250,
    0,
  ]);
  for (const text of ['', '5', 's', '-5s', '1.5h', '5 s', '5S', '1M', '999999999y', '5s ', '1h30m']) {
    expect(parseDuration(text)).toBeNull();
  }
});

test('twelve months are a year and no month is a number of days', () => {
  expect(12 * MONTH_MS).toBe(YEAR_MS);
  expect(MONTH_MS % DAY_MS).not.toBe(0);
  expect(MONTH_MS % HOUR_MS).not.toBe(0);
});

test('what is formatted parses to the same, exactly', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 1e9 - 1 }),
      fc.constantFrom('ms', 's', 'm', 'h', 'd', 'w', 'mo', 'y'),
      (count, unit) => {
        const ms = parseDuration(`${count}${unit}`);
        fc.pre(ms !== null && ms < 1e9);
        expect(parseDuration(formatDuration(ms!))).toBe(ms);
      },
    ),
  );
  expect(
    ['90m', '24h', '7d', '12mo', '4mo', '30d', '15m'].map((text) => formatDuration(parseDuration(text)!)),
  ).toEqual(['90m', '1d', '7d', '1y', '4mo', '30d', '15m']);
});

test('sizes are decimal as disks are sold, or binary when they say so', () => {
  expect(['8GB', '512MiB', '1.5kB', '3B', '1TB'].map(parseSize)).toEqual([8e9, 2 ** 29, 1500, 3, 1e12]);
  for (const text of ['8', '8gb', '8 GB', '-1GB', 'GB', '999999999TiB']) expect(parseSize(text)).toBeNull();
  expect([8e9, 1500, 1_000_000].map(formatSize)).toEqual(['8GB', '1500B', '1MB']);
});

test('rates are told an hour', () => {
  expect(['60/h', '1/s', '2.5/m', '24/d'].map(parseRatePerHour)).toEqual([60, 3600, 150, 1]);
  for (const text of ['60', '/h', '60/y', '-1/h', '1e3/h']) expect(parseRatePerHour(text)).toBeNull();
});
