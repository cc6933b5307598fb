import { clockTime, dayName, minuteTime, monthName, shortDay } from '../format/time.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Labels of the time axis in the site's zone: the day is told once, under the first label that lies in it. */
export function timeLabels(splits: readonly number[], incrMs: number, zone: string): string[] {
  if (incrMs >= 28 * DAY_MS) return splits.map((ms) => monthName(ms, zone));
  if (incrMs >= DAY_MS) return splits.map((ms) => shortDay(ms, zone));
  const clock = incrMs < MINUTE_MS ? clockTime : minuteTime;
  let day = '';
  return splits.map((ms) => {
    const name = dayName(ms, zone);
    const isNew = name !== day;
    day = name;
    return isNew ? `${clock(ms, zone)}\n${name}` : clock(ms, zone);
  });
}

/** Measures that grow start at zero, so that heights compare; others show how they vary. */
export function valueRange(min: number | null, max: number | null, fromZero: boolean): [number, number] {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  const low = fromZero ? Math.min(0, min) : min;
  const high = fromZero ? Math.max(0, max) : max;
  if (low === high) return low === 0 ? [0, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
  const pad = (high - low) * 0.08;
  const bottom = low === 0 ? 0 : low - pad;
  // A gauge that never goes below zero is not shown with room for it.
  return [low > 0 && bottom < 0 ? 0 : bottom, high === 0 ? 0 : high + pad];
}
