import { describe, expect, test } from 'vitest';
import { CHECKPOINT_FLOOR_MS, checkpointCeilingMs, nextCheckpointMs } from './wear-governor.ts';
import { WearMeter } from './wear-meter.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FRESH = { sinceMs: 0, ownBytes: 0, deviceBytes: 0 };
const SPEC = { enduranceBytes: 1000e9, lifeMs: 1000 * DAY_MS };

/** Written evenly: a thousand bytes a second by Weir, twice as many on the whole disk. */
const at = (ms: number) => ({ ownBytes: ms, deviceBytes: 5e6 + 2 * ms });

describe('the meter of wear', () => {
  test('says nothing of a pace in the first minute, and the truth after it', () => {
    const meter = new WearMeter(SPEC, FRESH, 0, at(0), 0);
    meter.sample(59_000, at(59_000));
    expect(meter.figures(59_000, 0)).toMatchObject({ perDayBytes: null, monthsLeft: null });
    meter.sample(HOUR_MS, at(HOUR_MS));
    const figures = meter.figures(HOUR_MS, 1_200_000);
    expect(figures.perDayBytes).toBeCloseTo(86.4e6, -1);
    expect(figures.devicePerDayBytes).toBeCloseTo(172.8e6, -1);
    expect(figures.amplification).toBeCloseTo(3);
    // 1000 GB less what was written, at the pace of the whole disk.
    expect(figures.monthsLeft! * (365.25 / 12) * 172.8e6).toBeCloseTo(1000e9 - 7.2e6, -4);
    expect(figures.budgetPerDayBytes).toBeCloseTo((1000e9 - 7.2e6) / (1000 - 1 / 24), -1);
  });

  test('goes by the last day, whatever was before, and holds a bounded number of marks', () => {
    const meter = new WearMeter(null, FRESH, 0, { ownBytes: 0, deviceBytes: null }, 0);
    let own = 0;
    for (let minute = 1; minute <= 3 * 24 * 60; minute++) {
      own += minute <= 24 * 60 ? 1e9 : 1000;
      meter.sample(minute * 60_000, { ownBytes: own, deviceBytes: null });
    }
    const figures = meter.figures(0, 0);
    expect(figures.perDayBytes).toBeCloseTo(1.44e6);
    expect(figures).toMatchObject({ devicePerDayBytes: null, monthsLeft: null, budgetPerDayBytes: null });
  });

  test('counts on over restarts, where the counters begin anew', () => {
    const first = new WearMeter(SPEC, FRESH, 0, at(0), 0);
    first.sample(HOUR_MS, at(HOUR_MS));
    expect(first.past).toEqual({ sinceMs: 0, ownBytes: HOUR_MS, deviceBytes: 2 * HOUR_MS });
    const second = new WearMeter(SPEC, first.past, 0, { ownBytes: 0, deviceBytes: 0 }, 0);
    second.sample(HOUR_MS, { ownBytes: 100, deviceBytes: 300 });
    expect(second.past).toEqual({ sinceMs: 0, ownBytes: HOUR_MS + 100, deviceBytes: 2 * HOUR_MS + 300 });
  });

  test('a machine that tells nothing is no fault', () => {
    const nothing = { ownBytes: null, deviceBytes: null };
    const meter = new WearMeter(SPEC, FRESH, 0, nothing, 0);
    meter.sample(HOUR_MS, nothing);
    expect(meter.figures(0, 5e6)).toMatchObject({ perDayBytes: null, amplification: null, monthsLeft: null });
  });
});

describe('the time between checkpoints', () => {
  /** What a board writes: its log whatever it does, and a run with each checkpoint. */
  const written = (everyMs: number) => 200e6 + 300e6 * (300_000 / everyMs);

  const settled = (budgetPerDayBytes: number, readingsPerSecond: number) => {
    let everyMs = 300_000;
    for (let step = 0; step < 30; step++)
      everyMs = nextCheckpointMs({
        everyMs,
        perDayBytes: written(everyMs),
        budgetPerDayBytes,
        readingsPerSecond,
      });
    return everyMs;
  };

  test('grows until the budget is met', () => {
    const everyMs = settled(300e6, 10);
    expect(everyMs).toBeGreaterThan(300_000);
    expect(written(everyMs)).toBeLessThanOrEqual(300e6 * 1.16);
    expect(written(everyMs)).toBeGreaterThanOrEqual(300e6 * 0.84);
  });

  test('shrinks to its floor where there is room', () => {
    expect(settled(1e12, 10)).toBe(CHECKPOINT_FLOOR_MS);
  });

  test('never passes what a restart can replay, also where the budget cannot be met', () => {
    expect(settled(1, 10)).toBe(checkpointCeilingMs(10));
    expect(settled(1, 5_000)).toBe(checkpointCeilingMs(5_000));
    expect(checkpointCeilingMs(5_000)).toBeLessThan(checkpointCeilingMs(10));
    expect(checkpointCeilingMs(1e9)).toBe(CHECKPOINT_FLOOR_MS);
  });
});
