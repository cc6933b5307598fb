import type { UtilityWorld } from '../utility/world.ts';
import { type Behaviour, drawsFor } from './behaviour.ts';

/** A share of the readings is sent twice, the second time up to `upToMs` later and every other one with the DUP flag. */
export interface Duplicates {
  share: number;
  upToMs: number;
}

export function duplicates(world: UtilityWorld, { share, upToMs }: Duplicates): Behaviour {
  const whether = drawsFor(world, 'duplicates');
  const howMuch = drawsFor(world, 'duplicates/by');
  const flagged = drawsFor(world, 'duplicates/flag');
  return function* (source) {
    for (const beat of source) {
      yield beat;
      if (whether.beat(beat) >= share) continue;
      const sendMs = beat.sendMs + Math.floor(howMuch.beat(beat) * upToMs);
      yield { ...beat, sendMs, dup: flagged.beat(beat) < 0.5 };
    }
  };
}
