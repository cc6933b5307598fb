import { expect, test } from 'vitest';
import { RateMeter } from './rate-meter.ts';

test('the rate is that of the last seconds, not of all time', () => {
  let now = 0;
  const meter = new RateMeter(() => now);
  for (; now < 10_000; now += 100) meter.add(100);
  expect(meter.perSecond()).toBeGreaterThan(900);
  expect(meter.perSecond()).toBeLessThan(1_100);
  now += 60_000;
  meter.perSecond();
  now += 5_000;
  expect(meter.perSecond()).toBe(0);
  expect(meter.total).toBe(10_000);
});
