import { usedAt, usedThrough } from './consumption.ts';
import { chanceAt } from './random.ts';
import { INSTALLED_MS, maxOf, type UtilityWorld } from './world.ts';

/** One measurement of a meter, and what becomes of it on its way. Behaviours change the fields marked so. */
export interface Beat {
  meter: number;
  /** Number of the beat since the meters were put up. */
  index: number;
  /** When it was measured, true time in epoch ms. */
  dueMs: number;
  used: number;
  /** All that was ever used, in the utility's integers; never stepped back. */
  total: number;
  /** What the register shows (behaviours: resets, reboots). */
  register: number;
  /** What the meter's clock showed (behaviours: skew). */
  ts: number;
  /** When it leaves the device (behaviours: lateness, outages). */
  sendMs: number;
  /** Sent a second time, with MQTT's DUP flag (behaviours: duplicates). */
  dup: boolean;
}

/**
 * All beats of the world with `from` ≤ due < `to`, in time order. Pure: the same arguments give the same beats, and
 * a later `from` gives the rest of them. Eight bytes a meter; `to` may be Infinity.
 */
export function* beats(world: UtilityWorld, from: number, to: number): Generator<Beat, void, void> {
  const { heartbeatMs, meters, order, phaseMs, meterSeed } = world;
  const totals = new Float64Array(meters).fill(Number.NaN);
  for (let cycle = Math.floor((from - INSTALLED_MS) / heartbeatMs) - 1; ; cycle++) {
    for (let at = 0; at < meters; at++) {
      const meter = order[at];
      const dueMs = INSTALLED_MS + Math.floor(cycle * heartbeatMs + phaseMs[meter]);
      if (dueMs < from) continue;
      if (dueMs >= to) return;
      const max = maxOf(world, meter);
      const used = usedAt(meterSeed[meter], cycle, max);
      const before = totals[meter];
      const total = Number.isNaN(before) ? startTotal(world, meter, cycle) : before + used;
      totals[meter] = total;
      yield {
        meter,
        index: cycle,
        dueMs,
        used,
        total,
        register: total,
        ts: dueMs,
        sendMs: dueMs,
        dup: false,
      };
    }
  }
}

/** The register after the beat; meters were put up with up to two days of use on them. */
function startTotal(world: UtilityWorld, meter: number, index: number): number {
  const max = maxOf(world, meter);
  const seed = world.meterSeed[meter];
  const first = Math.floor(chanceAt(seed, -1) * max * (86_400_000 / world.heartbeatMs));
  return first + usedThrough(seed, index, max);
}
