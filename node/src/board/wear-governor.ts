/** What decides how often checkpoints are made. */
export interface WearPace {
  everyMs: number;
  perDayBytes: number;
  budgetPerDayBytes: number;
  readingsPerSecond: number;
}

/** More often costs flash and gains nothing: a restart replays a minute in no time. */
export const CHECKPOINT_FLOOR_MS = 60_000;
/** Memory holds what came since the last one; an hour of it is what the bound on readings allows for a calm board. */
const CHECKPOINT_CEILING_MS = 60 * 60_000;

/**
 * A restart replays what came since the last checkpoint, and is to serve within ten seconds. A quarter of a million
 * readings a second is a twelfth of the budget for a core of a PC, which is about what the slowest boards are behind.
 */
const REPLAY_SECONDS = 8;
const REPLAYED_PER_SECOND = 250_000;
/** From one step to the next: what is written follows late, and a pace that swings wears no less. */
const STEP_MOST = 2;
/** Within this much of the budget nothing is changed. */
const SLACK = 0.15;

export function checkpointCeilingMs(readingsPerSecond: number): number {
  const replayMs = (1000 * REPLAY_SECONDS * REPLAYED_PER_SECOND) / Math.max(1, readingsPerSecond);
  return Math.max(CHECKPOINT_FLOOR_MS, Math.min(CHECKPOINT_CEILING_MS, replayMs));
}

/**
 * How often from now on: less often while more is written than the budget allows, and more often while there is room.
 * Where they fall changes no answer; the engine's state is a function of the log alone.
 */
export function nextCheckpointMs(pace: WearPace): number {
  const { everyMs, perDayBytes, budgetPerDayBytes, readingsPerSecond } = pace;
  const ceiling = checkpointCeilingMs(readingsPerSecond);
  const used = perDayBytes / Math.max(1, budgetPerDayBytes);
  const step = Math.abs(used - 1) <= SLACK ? 1 : Math.min(STEP_MOST, Math.max(1 / STEP_MOST, used));
  return Math.round(Math.min(ceiling, Math.max(CHECKPOINT_FLOOR_MS, everyMs * step)));
}
