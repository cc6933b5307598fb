import { expect, test } from 'vitest';
import { fromLocalInput, toLocalInput } from './local-input.ts';

test('an instant comes back from the field that showed it', () => {
  for (const zone of ['Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC']) {
    for (let ms = Date.UTC(2026, 0, 1, 12); ms < Date.UTC(2027, 0, 1); ms += 7 * 86_400_000) {
      expect(fromLocalInput(toLocalInput(ms, zone), zone)).toBe(ms);
    }
  }
});

test('of an hour that comes twice the first is meant, and one that is skipped becomes the next', () => {
  expect(fromLocalInput('2026-10-25T02:30', 'Europe/Berlin')).toBe(Date.UTC(2026, 9, 25, 0, 30));
  expect(fromLocalInput('2026-03-29T02:30', 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 29, 1, 30));
});

test('what is no time is none', () => {
  expect(fromLocalInput('', 'UTC')).toBeNull();
  expect(fromLocalInput('2026-13-01T00:00', 'UTC')).toBeNull();
});
