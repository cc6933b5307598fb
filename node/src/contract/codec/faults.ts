import { LIMITS } from '../limits.ts';
import type { QuarantineReason } from '../reading/section.ts';

/** Faults of one value as small integers; of several in one reading the lowest names it. */
export const NONE = 0;
export const MALFORMED = 1;
export const IMPOSSIBLE = 2;
export const CLOCK = 3;

/** By code; the first stands for no fault and is never read. */
export const FAULTS: QuarantineReason[] = ['malformed', 'malformed', 'impossible', 'clock'];

/** Keys are not empty, not too long, and hold no control characters. HOT */
export function keyFault(text: Uint8Array, from: number, to: number): number {
  if (to === from) return MALFORMED;
  if (to - from > LIMITS.keyBytes) return IMPOSSIBLE;
  for (let at = from; at < to; at++) if (text[at] < 32 || text[at] === 127) return IMPOSSIBLE;
  return NONE;
}

/** A reading that came at an unknown time is taken with the time that it says. */
export function clockFault(time: number, arrivalMs: number): number {
  return Number.isNaN(arrivalMs) && time <= LIMITS.unsyncedLatestMs ? NONE : CLOCK;
}
