import { expect, test } from 'vitest';
import { runTwoWeeks } from './testing/two-weeks.ts';

const QUARTER_MS = 15 * 60_000;

// The long form, of more meters and minutes, is test/two-weeks.ts.
for (const [name, from] of [
  ['spring', Date.UTC(2026, 2, 20)],
  ['autumn', Date.UTC(2026, 9, 16)],
] as const)
  test(`two weeks of trouble over the change of clocks in ${name} come out as the oracle says, and nothing is lost`, async () => {
    const seed = 1 + Math.floor(Math.random() * 2 ** 31);
    const found = await runTwoWeeks({ from, meters: 2, everyMs: QUARTER_MS, finestMs: QUARTER_MS, seed });
    expect(found.duplicates).toBeGreaterThan(0.1 * found.counted);
    expect(found.late).toBeGreaterThan(0.05 * found.counted);
    expect(found.lost).toBe(0);
  }, 120_000);
