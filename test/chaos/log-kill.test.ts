import { expect, it } from 'vitest';
import { killLoop } from './log-kill.ts';

it('row 8: kill -9 loses no acked record (short form of log-kill.ts)', async () => {
  const result = await killLoop(20, Math.random, () => {});
  expect(result).toMatchObject({ kills: 20, lost: 0 });
  expect(result.acked).toBeGreaterThan(20);
}, 180_000);
