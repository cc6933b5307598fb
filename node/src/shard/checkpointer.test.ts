import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Checkpointer } from './checkpointer.ts';
import type { FromThread } from './thread-messages.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('is due as often as it was told last, and only when something came', async () => {
  const told: FromThread[] = [];
  const checkpointer = new Checkpointer(
    { readings: 1_000_000, everyMs: 300_000 },
    new Map(),
    new Map(),
    (message) => told.push(message),
    { size: 0, urgent: false },
  );
  checkpointer.setEveryMs(60_000);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual([]);
  checkpointer.applied(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.map(({ kind }) => kind)).toEqual(['checkpointed']);
  checkpointer.setEveryMs(600_000);
  checkpointer.applied(1);
  await vi.advanceTimersByTimeAsync(599_000);
  expect(told).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toHaveLength(2);
  await checkpointer.close();
});
