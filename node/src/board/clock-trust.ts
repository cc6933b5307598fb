import { existsSync } from 'node:fs';

/**
 * Boards have no battery for their clock. The clock is *synced* when a time service says so, in *holdover* when it
 * at least stands after everything the log has seen, else *unsynced*: then nothing is forgotten and no window closes.
 */
export type ClockTrust = 'synced' | 'holdover' | 'unsynced';

/** No board that runs this can be earlier: a clock that says so came up without a battery. */
const BUILT_MS = Date.UTC(2025, 0, 1);
/** A clock is stepped back by this much when it is corrected; more is a clock that was lost. */
const STEP_BACK_MS = 60_000;
const SYNC_FILES = ['/run/systemd/timesync/synchronized', '/run/chrony/synced'];

export function clockTrust(
  nowMs: number,
  lastLoggedMs: number,
  synced = SYNC_FILES.some((file) => existsSync(file)),
): ClockTrust {
  if (nowMs < BUILT_MS || nowMs < lastLoggedMs - STEP_BACK_MS) return 'unsynced';
  return synced ? 'synced' : 'holdover';
}
