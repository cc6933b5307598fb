import '../testing/in-english.ts';
import { expect, test } from 'vitest';
import { timeLabels, valueRange } from './axis.ts';

const HOUR = 3_600_000;

test('the day is told once, where it begins', () => {
  const start = Date.UTC(2026, 10, 20, 21);
  const splits = [0, 1, 2, 3].map((i) => start + i * HOUR);
  expect(timeLabels(splits, HOUR, 'Europe/Berlin')).toEqual([
    '22:00\nFri 20 Nov',
    '23:00',
    '00:00\nSat 21 Nov',
    '01:00',
  ]);
});

test('labels follow the zone of the site through a change of its clocks', () => {
  const start = Date.UTC(2026, 9, 25, 0);
  const splits = [0, 1, 2].map((i) => start + i * HOUR);
  const labels = timeLabels(splits, HOUR, 'Europe/Berlin').map((label) => label.slice(0, 5));
  expect(labels).toEqual(['02:00', '02:00', '03:00']);
});

test('days and months are told without a clock', () => {
  const start = Date.UTC(2026, 10, 20, 12);
  expect(timeLabels([start], 24 * HOUR, 'UTC')).toEqual(['20 Nov']);
  expect(timeLabels([start], 40 * 24 * HOUR, 'UTC')).toEqual(['Nov 2026']);
});

test('a measure that grows is drawn from zero, a gauge as it varies', () => {
  expect(valueRange(5, 10, true)).toEqual([0, 10.8]);
  expect(valueRange(5, 10, false)).toEqual([4.6, 10.4]);
});

test('one figure, no figure and zeros have a range too', () => {
  expect(valueRange(null, null, true)).toEqual([0, 1]);
  expect(valueRange(0, 0, true)).toEqual([0, 1]);
  expect(valueRange(7, 7, false)).toEqual([6.3, 7.7]);
  expect(valueRange(-3, -3, false)[0]).toBeLessThan(-3);
});
