import { bitsAt } from './random.ts';

/**
 * Consumption of a beat is triangular(0, max, mode max/2), the sum of two even draws. The second half of each block
 * of beats mirrors the first (max − used), which is distributed alike, so that a block's sum is known without
 * drawing it: a register has the same reading at an instant whenever and wherever the simulation was started.
 */
export const BLOCK_BEATS = 120;
const HALF = BLOCK_BEATS / 2;

/** HOT. Integer consumption of the meter's beat `index`; indexes count from the epoch and may be negative. */
export function usedAt(seed: number, index: number, max: number): number {
  const inBlock = ((index % BLOCK_BEATS) + BLOCK_BEATS) % BLOCK_BEATS;
  if (inBlock < HALF) return triangular(seed, index, max);
  return max - triangular(seed, index - HALF, max);
}

/** Sum of all beats from index 0 to `index` inclusive (for a negative one: minus the sum of those between). */
export function usedThrough(seed: number, index: number, max: number): number {
  const block = Math.floor(index / BLOCK_BEATS);
  let sum = block * HALF * max;
  for (let at = block * BLOCK_BEATS; at <= index; at++) sum += usedAt(seed, at, max);
  return sum;
}

function triangular(seed: number, index: number, max: number): number {
  const bits = bitsAt(seed, index);
  return Math.floor((((bits & 0xffff) + (bits >>> 16)) * max) / 0x1_fffe);
}
