import { Calendar, isBucketWidth } from '../time/calendar.ts';
import type { Boundaries } from './merge.ts';

const cached = new Map<string, Boundaries>();
const CACHED = 64;

/**
 * Where the buckets of a tier lie in the site's zone. Each has a calendar of its own, since a calendar remembers one
 * bucket; they are shared by all who ask in this thread.
 */
export function tierBoundaries(timezone: string, widthMs: number): Boundaries {
  const name = `${timezone} ${widthMs}`;
  let known = cached.get(name);
  if (known === undefined) {
    const calendar = new Calendar(timezone);
    known = {
      start: (t) => calendar.bucketStart(t, widthMs),
      end: (start) => calendar.bucketEnd(start, widthMs),
    };
    if (cached.size >= CACHED) cached.clear();
    cached.set(name, known);
  }
  return known;
}

/**
 * Steps of an answer: whole buckets of the tier. Where the calendar has no bucket of that width (7 m, 5 h, 10 d), steps
 * are cut by time since the epoch and moved on to the next boundary of the tier.
 */
export function stepBoundaries(timezone: string, tierMs: number, stepMs: number): Boundaries {
  if (stepMs === tierMs || isBucketWidth(stepMs)) return tierBoundaries(timezone, stepMs);
  const tier = tierBoundaries(timezone, tierMs);
  const opens = (step: number) => {
    const nominal = step * stepMs;
    const start = tier.start(nominal);
    return start === nominal ? start : tier.end(start);
  };
  const stepOf = (t: number) => {
    const step = Math.floor(t / stepMs);
    return t < opens(step) ? step - 1 : step;
  };
  return { start: (t) => opens(stepOf(t)), end: (start) => opens(stepOf(start) + 1) };
}
