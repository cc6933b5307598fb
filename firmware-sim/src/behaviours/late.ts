import type { UtilityWorld } from '../utility/world.ts';
import { type Behaviour, drawsFor } from './behaviour.ts';

/** A share of the readings leaves late, evenly up to `upToMs`. */
export interface Lateness {
  share: number;
  upToMs: number;
}

export function late(world: UtilityWorld, { share, upToMs }: Lateness): Behaviour {
  const whether = drawsFor(world, 'late');
  const howMuch = drawsFor(world, 'late/by');
  return function* (source) {
    for (const beat of source) {
      if (whether.beat(beat) < share) beat.sendMs += 1 + Math.floor(howMuch.beat(beat) * upToMs);
      yield beat;
    }
  };
}
