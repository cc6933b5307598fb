import '../testing/in-english.ts';
import { expect, test } from 'vitest';
import { axisLabels, formatBytes, formatValue, NO_VALUE, withUnit } from './number.ts';

test.each([
  [null, NO_VALUE],
  [Number.NaN, NO_VALUE],
  [0, '0'],
  [12, '12.00'],
  [-0, '0'],
  [1234567, '1,234,567'],
  [1234.567, '1,235'],
  [123.456, '123.5'],
  [12.3456, '12.35'],
  [1.23456, '1.235'],
  [0.0123456, '0.0123'],
  [-0.5, '-0.500'],
])('%s is shown as %s', (value, text) => {
  expect(formatValue(value)).toBe(text);
});

test('no more decimals than the field is kept with', () => {
  expect(formatValue(1.23456, 1)).toBe('1.2');
  expect(formatValue(12.5, 0)).toBe('13');
});

test('a unit stays with its number, and none leaves no blank', () => {
  expect(withUnit('5', 'kWh')).toBe('5\u00a0kWh');
  expect(withUnit('5', '')).toBe('5');
});

test('labels of an axis share their decimals and stay short', () => {
  expect(axisLabels([0, 0.25, 0.5])).toEqual(['0.00', '0.25', '0.50']);
  expect(axisLabels([0, 0.2, 0.4])).toEqual(['0.0', '0.2', '0.4']);
  expect(axisLabels([0, 2.5, 5])).toEqual(['0.0', '2.5', '5.0']);
  expect(axisLabels([0, 500, 1000])).toEqual(['0', '500', '1,000']);
  expect(axisLabels([0, 500_000, 1_000_000])).toEqual(['0', '500K', '1M']);
});

test.each([
  [0, '0\u00a0B'],
  [999, '999\u00a0B'],
  [1_500, '1.5\u00a0kB'],
  [999_999, '1\u00a0MB'],
  [12e9, '12\u00a0GB'],
])('%s bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
