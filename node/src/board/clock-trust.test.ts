import { expect, test } from 'vitest';
import { clockTrust } from './clock-trust.ts';

const NOW = Date.UTC(2026, 10, 20);

test('a clock in 1970 is unsynced', () => {
  expect(clockTrust(0, 0, true)).toBe('unsynced');
});

test('a clock before what the log has seen is unsynced', () => {
  expect(clockTrust(NOW, NOW + 3_600_000, true)).toBe('unsynced');
  expect(clockTrust(NOW, NOW + 1_000, false)).toBe('holdover');
});

test('a time service makes it synced', () => {
  expect(clockTrust(NOW, NOW - 1_000, true)).toBe('synced');
});
