import { LIMITS } from '../contract/limits.ts';

/** What may come into a thread's memory until a checkpoint is due, beside what its keys take. */
export function checkpointDueBytes(keyBytes: number): number {
  return Math.max(LIMITS.checkpointBytes, LIMITS.shardThreadBytes - keyBytes);
}

/** The same while the thread reads the log again. */
export function catchUpDueBytes(keyBytes: number): number {
  return Math.max(LIMITS.catchUpBytes, checkpointDueBytes(keyBytes));
}
