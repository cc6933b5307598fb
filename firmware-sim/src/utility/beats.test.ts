import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Beat, beats } from './beats.ts';
import { usedAt, usedThrough } from './consumption.ts';
import { singles } from './messages.ts';
import { INSTALLED_MS, maxOf, utilityWorld, type WorldOptions } from './world.ts';

const FROM = Date.UTC(2026, 10, 20, 12);
const options: WorldOptions = {
  seed: 'golden',
  meters: 100,
  heartbeatMs: 5_000,
  utilities: ['electricity', 'gas', 'water'],
};

function first(count: number, seed: string): string {
  const world = utilityWorld({ ...options, seed });
  const hash = createHash('sha256');
  let left = count;
  for (const message of singles(world, beats(world, FROM, Number.POSITIVE_INFINITY))) {
    hash.update(`${message.topic} ${message.payload}\n`);
    if (--left === 0) break;
  }
  return hash.digest('hex').slice(0, 16);
}

test.each([
  ['golden', '9fe2c4dc41d8c9e7'],
  ['weir', '47bab179a85c54bd'],
])('the first 1,000 readings of seed %s are these bytes on every machine', (seed, hash) => {
  expect(first(1_000, seed)).toBe(hash);
});

test('beats come in time order, one a heartbeat for each meter, at a phase of its own', () => {
  const world = utilityWorld(options);
  const times = new Map<number, number[]>();
  let last = 0;
  for (const { meter, dueMs } of beats(world, FROM, FROM + 60_000)) {
    expect(dueMs).toBeGreaterThanOrEqual(last);
    last = dueMs;
    times.set(meter, [...(times.get(meter) ?? []), dueMs]);
  }
  expect(times.size).toBe(100);
  for (const at of times.values()) {
    expect(at.length).toBe(12);
    for (let i = 1; i < 12; i++) expect(at[i] - at[i - 1]).toBe(5_000);
  }
  expect(new Set([...times.values()].map(([at]) => at % 5_000)).size).toBeGreaterThan(90);
});

test('a run that starts later continues the one that started earlier', () => {
  const world = utilityWorld(options);
  const whole = [...beats(world, FROM, FROM + 1_300_000)];
  const cutMs = FROM + 623_457;
  const rest = [...beats(world, cutMs, FROM + 1_300_000)];
  expect(rest).toEqual(whole.filter((beat) => beat.dueMs >= cutMs));
});

test('what a register gains is the sum of what was used', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: -1_000_000, max: 1_000_000 }),
      (seed, meters, heartbeatMs, startBeats) => {
        const world = utilityWorld({ ...options, seed, meters, heartbeatMs });
        const from = INSTALLED_MS + startBeats * heartbeatMs;
        const before = new Map<number, Beat>();
        for (const beat of beats(world, from, from + 130 * heartbeatMs)) {
          const last = before.get(beat.meter);
          if (last !== undefined) expect(beat.register - last.register).toBe(beat.used);
          expect(beat.used).toBeGreaterThanOrEqual(0);
          expect(beat.used).toBeLessThanOrEqual(maxOf(world, beat.meter));
          before.set(beat.meter, beat);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('the shortcut to a sum of consumptions agrees with adding them up', () => {
  let sum = 0;
  for (let index = 0; index < 1_000; index++) {
    sum += usedAt(42, index, 3_000);
    expect(usedThrough(42, index, 3_000)).toBe(sum);
  }
});

test('consumption is triangular between 0 and its maximum, with the mode in the middle', () => {
  const max = 3_000;
  const draws = 120_000;
  const eighths = new Array<number>(8).fill(0);
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < draws; index++) {
    const share = usedAt(7, index, max) / max;
    eighths[Math.min(7, Math.floor(share * 8))]++;
    sum += share;
    squares += share * share;
  }
  const mean = sum / draws;
  expect(mean).toBeCloseTo(0.5, 2);
  expect(squares / draws - mean * mean).toBeCloseTo(1 / 24, 3);
  // Areas of the triangle over eighths of its base.
  const wanted = [1, 3, 5, 7, 7, 5, 3, 1].map((part) => part / 32);
  eighths.forEach((count, at) => {
    expect(Math.abs(count / draws - wanted[at])).toBeLessThan(0.005);
  });
});
