import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LIMITS } from '../contract/index.ts';
import type { ShardEngine } from '../engine/engine.ts';
import type { LevelRunStore } from '../store/runs/level-run-store.ts';
import { Checkpointer } from './checkpointer.ts';
import type { FromThread } from './thread-messages.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function inboxOf() {
  const inbox = {
    size: 0,
    urgent: false,
    held: false,
    hold: (held: boolean) => {
      inbox.held = held;
    },
  };
  return inbox;
}

test('is due as often as it was told last, and only when something came', async () => {
  const told: FromThread[] = [];
  const checkpointer = new Checkpointer(
    { readings: 1_000_000, everyMs: 300_000 },
    new Map(),
    new Map(),
    (message) => told.push(message),
    inboxOf(),
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

/** A checkpoint of one shard that takes `slices`, and what it was let do in so many turns of the event loop. */
function slicesOf(inbox = inboxOf(), slices = 100) {
  let made = 0;
  let position = 0;
  const work = {
    slice: () => ++made < slices,
    flush: async () => {},
    commit: async () => {
      position = 1;
    },
    abandon: async () => {},
  };
  const engine = { position: 1, changedBytes: 0, keyBytes: 0, checkpoint: () => work };
  const store = { position: () => position, foldSome: async () => false };
  const checkpointer = new Checkpointer(
    { readings: 1_000_000, everyMs: 300_000 },
    new Map([[0, engine as unknown as ShardEngine]]),
    new Map([[0, store as unknown as LevelRunStore]]),
    () => {},
    inbox,
  );
  const turns = async (n: number) => {
    const before = made;
    for (let turn = 0; turn < n; turn++) await new Promise((resolve) => setImmediate(resolve));
    return made - before;
  };
  return { checkpointer, turns, engine };
}

test('makes way for records that wait until as much came as it may leave, and for questions even then', async () => {
  vi.useRealTimers();
  const inbox = inboxOf();
  const { checkpointer, turns } = slicesOf(inbox);
  checkpointer.applied(300_000);
  const running = checkpointer.run();
  expect(await turns(20)).toBeGreaterThan(3);
  inbox.size = 5;
  await turns(2);
  expect(await turns(20)).toBe(0);
  checkpointer.applied(90_000);
  expect(await turns(20)).toBe(0);
  // More than a third of what it moves.
  checkpointer.applied(20_000);
  expect(await turns(8)).toBeGreaterThan(8);
  inbox.urgent = true;
  await turns(2);
  const asked = await turns(20);
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThanOrEqual(8);
  inbox.urgent = false;
  await running;
  await checkpointer.close();
});

test('while the log is read again readings make none due, and memory later; then what came is weighed', async () => {
  vi.useRealTimers();
  const told: FromThread[] = [];
  const engine = { position: 0, keyBytes: 0, changedBytes: 0 };
  const checkpointer = new Checkpointer(
    { readings: 100_000, everyMs: 300_000 },
    new Map([[0, engine as unknown as ShardEngine]]),
    new Map([[0, { position: () => 0, foldSome: async () => false } as unknown as LevelRunStore]]),
    (message) => told.push(message),
    inboxOf(),
  );
  const checkpoints = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    return told.splice(0).length;
  };
  checkpointer.catchUp();
  engine.changedBytes = LIMITS.catchUpBytes - 1;
  checkpointer.applied(500_000);
  expect(await checkpoints()).toBe(0);
  engine.changedBytes = LIMITS.catchUpBytes;
  checkpointer.applied(500_000);
  expect(await checkpoints()).toBe(1);
  engine.changedBytes = LIMITS.shardThreadBytes;
  checkpointer.applied(50_000);
  expect(await checkpoints()).toBe(0);
  checkpointer.caughtUp();
  expect(await checkpoints(), 'heavy by what a thread that has caught up may hold').toBe(1);
  engine.changedBytes = 0;
  checkpointer.applied(99_999);
  expect(await checkpoints()).toBe(0);
  checkpointer.applied(1);
  expect(await checkpoints()).toBe(1);
  await checkpointer.close();
});

test('holds records back while what came takes as much memory as it may, and goes on meanwhile', async () => {
  vi.useRealTimers();
  const inbox = inboxOf();
  const { checkpointer, turns, engine } = slicesOf(inbox, 40);
  engine.changedBytes = LIMITS.changedBytes - 1;
  checkpointer.applied(10_000);
  expect(inbox.held).toBe(false);
  engine.changedBytes = LIMITS.changedBytes;
  checkpointer.applied(10_000);
  expect(inbox.held).toBe(true);
  inbox.size = 5;
  expect(await turns(4), 'though records wait').toBeGreaterThan(4);
  engine.changedBytes = 0;
  await turns(40);
  expect(inbox.held).toBe(false);
  inbox.size = 0;
  await checkpointer.close();
});
