import { availableParallelism } from 'node:os';
import type { Site } from '../contract/index.ts';
import { checkpointEveryMs, commitsPerSecond, estimate, type Plan, ratesOf } from './estimate.ts';
import { type Measured, measure } from './measure.ts';
import type { StreamLoad } from './synthetic-load.ts';

export type { Plan } from './estimate.ts';
export type { Measured } from './measure.ts';
export type { StreamLoad } from './synthetic-load.ts';

/** Keys of the larger of the two runs that the plan is drawn from. */
const KEYS = 96;
const KEYS_CALIBRATED = 480;

/** Measures with the product's own parts, on the disk of `dir`, and draws from it what the site will need. */
export async function planSite(
  site: Site,
  loads: StreamLoad[],
  options: { dir: string; calibrate: boolean },
): Promise<{ plan: Plan; measured: Measured }> {
  const threads = Math.max(1, Math.min(4, availableParallelism() - 1));
  const checkpointMs = checkpointEveryMs(loads, threads);
  const measured = await measure({
    site,
    loads,
    checkpointMs,
    commitsPerSecond: (syncMs) => commitsPerSecond(loads, syncMs),
    groupReadings: (syncMs) => ratesOf(loads).readings / commitsPerSecond(loads, syncMs),
    dir: options.dir,
    keys: options.calibrate ? KEYS_CALIBRATED : KEYS,
  });
  return { plan: estimate(site, loads, measured, checkpointMs), measured };
}
