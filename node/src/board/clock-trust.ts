import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

/**
 * Boards have no battery for their clock. The clock is *synced* when a time service says so, in *holdover* when it
 * at least stands after everything the log has seen, else *unsynced*: then nothing is forgotten and no window closes.
 */
export type ClockTrust = 'synced' | 'holdover' | 'unsynced';

/** No board that runs this can be earlier: a clock that says so came up without a battery. */
const BUILT_MS = Date.UTC(2025, 0, 1);
/** A clock is stepped back by this much when it is corrected; more is a clock that was lost. */
export const STEP_BACK_MS = 60_000;
const SYNC_FILES = ['/run/systemd/timesync/synchronized', '/run/chrony/synced'];

export function clockTrust(
  nowMs: number,
  lastLoggedMs: number,
  synced = SYNC_FILES.some((file) => existsSync(file)),
): ClockTrust {
  if (nowMs < BUILT_MS || nowMs < lastLoggedMs - STEP_BACK_MS) return 'unsynced';
  return synced ? 'synced' : 'holdover';
}

const BOOT_FILE = '/proc/sys/kernel/random/boot_id';

/** Names this boot of the machine; where the system does not tell, this life of the process. */
export function bootId(file = BOOT_FILE): bigint {
  if (!existsSync(file)) return randomBytes(8).readBigUInt64LE();
  const hex = readFileSync(file, 'utf8').replace(/[^0-9a-f]/g, '');
  return BigInt(`0x${hex.slice(0, 16)}`);
}

/** The same clock for each process of a boot, which nobody sets. */
export function sinceBootMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
