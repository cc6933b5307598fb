import { expect, test } from 'vitest';
import { EngineRun, finishedCells } from './testing/engine-run.ts';
import type { TestReading, TestRecord } from './testing/oracle.ts';
import { testSite } from './testing/test-site.ts';

const HOUR_MS = 3_600_000;
const BASE = Date.UTC(2026, 9, 24, 22);
const RANGE = { from: BASE - 24 * HOUR_MS, to: BASE + 24 * HOUR_MS };

/** A reading a minute. */
function readings(from: number, count: number): TestReading[] {
  return Array.from({ length: count }, (_, at) => ({
    key: 'm1',
    time: from + at * 60_000,
    numbers: { kwh: 1000 + at * 7, watts: 10 },
    texts: { state: 'NY' },
  }));
}

async function windows(log: TestRecord[]) {
  const site = testSite();
  const engine = await new EngineRun(site, log).run(['checkpoint', 'none', 'checkpoint']);
  const tiers = site.rollups[0].tiers.map((_, tier) => finishedCells(engine, site, 0, 0, tier, RANGE));
  return { tiers, watermark: engine.watermark('electricity'), ledger: engine.ledger(0, 1e15, null) };
}

const all = readings(BASE, 180);
const hour = (at: number) => all.slice(at * 60, at * 60 + 60);
const record = (at: number, wallMs: number, clockTrusted = true): TestRecord => ({
  wallMs,
  clockTrusted,
  readings: hour(at),
});
const steady = [0, 1, 2].map((at) => record(at, BASE + (at + 1) * HOUR_MS));

test('a board that woke up in 1970 counts what its devices say, and closes no window until it knows the time (row 22)', async () => {
  const asleep = [0, 1].map((at) => record(at, at * HOUR_MS, false));
  const { watermark } = await windows(asleep);
  expect(watermark).toBe(null);
  const woken = await windows([...asleep, steady[2]]);
  const expected = await windows(steady);
  expect(woken.tiers).toEqual(expected.tiers);
  expect(woken.watermark).toBe(expected.watermark);
});

test('a clock that jumps by an hour to either side leaves the stored windows as they are (row 23)', async () => {
  const expected = await windows(steady);
  for (const jumpMs of [HOUR_MS, -HOUR_MS]) {
    const jumped = await windows([steady[0], record(1, BASE + 2 * HOUR_MS + jumpMs, jumpMs > 0), steady[2]]);
    expect(jumped.tiers).toEqual(expected.tiers);
    expect(jumped.ledger.counted).toBe(expected.ledger.counted);
  }
});

test('a reading from 2100 that got past the door moves no watermark, whether the clock is trusted or not (row 24)', async () => {
  const wrong = { ...all[0], key: 'm2', time: Date.UTC(2100, 0, 1) };
  for (const clockTrusted of [true, false]) {
    const poisoned = { ...record(1, BASE + 2 * HOUR_MS, clockTrusted), readings: [...hour(1), wrong] };
    const { watermark } = await windows([steady[0], poisoned]);
    expect(watermark).toBeLessThanOrEqual(BASE + 2 * HOUR_MS + 5 * 60_000);
  }
});
