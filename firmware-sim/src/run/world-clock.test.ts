import { expect, test } from 'vitest';
import { WorldClock } from './world-clock.ts';

test('the world catches up with now and is never ahead of it', () => {
  let wall = 10_000_000;
  const clock = new WorldClock(wall - 6_000, 4, () => wall);
  expect(clock.now()).toBe(wall - 6_000);
  expect(clock.untilMs(wall - 6_000 + 400)).toBe(100);
  wall += 1_000;
  expect(clock.now()).toBe(wall - 3_000);
  wall += 5_000;
  expect(clock.now()).toBe(wall);
  expect(clock.untilMs(wall + 400)).toBe(400);
});

test('at the greatest speed the world is at now from the start', () => {
  const clock = new WorldClock(0, Number.POSITIVE_INFINITY, () => 5_000);
  expect(clock.now()).toBe(5_000);
});
