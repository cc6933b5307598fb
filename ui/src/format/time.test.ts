import { expect, test } from 'vitest';
import { bucketName, clockTime, stepName, zoneName } from './time.ts';

const HOUR = 3_600_000;

test('clocks are those of the site, wherever the browser is', () => {
  const ms = Date.UTC(2026, 10, 20, 22, 5, 9);
  expect(clockTime(ms, 'Europe/Berlin')).toBe('23:05:09');
  expect(clockTime(ms, 'Asia/Kolkata')).toBe('03:35:09');
  expect(zoneName(ms, 'Europe/Berlin')).toBe('CET');
  expect(zoneName(ms, 'America/New_York')).toBe('EST');
  expect(zoneName(ms, 'Asia/Kathmandu')).toBe('GMT+5:45');
});

test('buckets are named by both ends', () => {
  const ms = Date.UTC(2026, 10, 20, 13, 5);
  expect(bucketName(ms, 60_000, 'UTC')).toBe('Fri 20 Nov 13:05–13:06');
  expect(bucketName(ms, 5_000, 'UTC')).toBe('Fri 20 Nov 13:05:00–13:05:05');
});

test('a local day is one day, be it of 23, 24 or 25 hours', () => {
  const long = Date.UTC(2026, 9, 24, 22);
  expect(bucketName(long, 25 * HOUR, 'Europe/Berlin')).toBe('Sun 25 Oct');
  expect(bucketName(long, 24 * HOUR, 'Europe/Berlin')).toBe('Sun 25 Oct');
  expect(bucketName(Date.UTC(2026, 2, 28, 23), 24 * HOUR, 'Europe/Berlin')).toBe('Sun 29 Mar');
});

test.each([
  [60_000, 'minute'],
  [180_000, '3 minutes'],
  [HOUR, 'hour'],
  [24 * HOUR, 'day'],
  [5_000, '5 seconds'],
])('%s ms is called %s', (ms, name) => {
  expect(stepName(ms)).toBe(name);
});
