import type { UtilityWorld } from '../utility/world.ts';
import { type Behaviour, drawsFor } from './behaviour.ts';

/** A wrong clock: a share of the meters is off by a fixed amount, evenly up to `upToMs` either way. */
export interface Skew {
  share: number;
  upToMs: number;
}

export function skew(world: UtilityWorld, { share, upToMs }: Skew): Behaviour {
  const whether = drawsFor(world, 'skew');
  const howMuch = drawsFor(world, 'skew/by');
  return function* (source) {
    for (const beat of source) {
      if (whether.device(beat.meter) < share)
        beat.ts += Math.round((howMuch.device(beat.meter) * 2 - 1) * upToMs);
      yield beat;
    }
  };
}
