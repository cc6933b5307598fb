import { describe, expect, test } from 'vitest';
import { PLANTED } from './planted.ts';
import { simulate } from './simulate.ts';

const SEEDS = 200;
const SEEDS_TO_FIND = 200;
/** Seeds that showed a fault once: replayed first. */
const FOUND = [17, 192, 301];

describe('a simulated board', () => {
  test.each([
    ['believed', false],
    ['judged', true],
  ])(
    `counts every acknowledged reading once, whatever happens: ${SEEDS} seeds, registers %s`,
    {
      timeout: 600_000,
    },
    async (_, judged) => {
      let crashes = 0;
      const replays = { finished: 0, compared: 0, seeded: 0, resumed: 0, applied: 0, mended: 0 };
      for (const seed of [...FOUND, ...Array.from({ length: SEEDS }, (_, at) => at + 1)]) {
        const report = await simulate({ seed, judged }).catch((fault: unknown) => {
          const how = judged ? '--judged ' : '';
          throw new Error(`replay it with: node test/sim/run.ts ${how}--seed ${seed}`, { cause: fault });
        });
        crashes += report.crashes;
        for (const what of Object.keys(replays) as (keyof typeof replays)[])
          replays[what] += report.replays[what];
      }
      expect(crashes).toBeGreaterThan(SEEDS);
      // Nothing would differ either if nothing were compared.
      expect(replays.compared).toBeGreaterThan(100 * SEEDS);
      for (const times of Object.values(replays)) expect(times).toBeGreaterThan(SEEDS / 10);
    },
  );

  test('does the same again from the same seed, step by step', async () => {
    const steps = async () => {
      const told: string[] = [];
      await simulate({ seed: 7, trace: (step) => told.push(step) });
      return told;
    };
    const once = await steps();
    expect(once.length).toBeGreaterThan(50);
    expect(await steps()).toEqual(once);
  });

  test.each(Object.keys(PLANTED))('finds a bug that %s', { timeout: 600_000 }, async (name) => {
    let found = 0;
    for (let seed = 1; seed <= SEEDS_TO_FIND && found === 0; seed++)
      await simulate({ seed, plant: PLANTED[name]() }).catch(() => {
        found = seed;
      });
    expect(found).toBeGreaterThan(0);
  });
});
