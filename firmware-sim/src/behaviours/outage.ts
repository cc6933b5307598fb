import type { UtilityWorld } from '../utility/world.ts';
import { type Behaviour, drawsFor } from './behaviour.ts';

/** From `fromMs` for `forMs` a share of the meters has no network: they store their readings and forward them after. */
export interface Outage {
  fromMs: number;
  forMs: number;
  share: number;
}

/** Stored readings leave this much faster than they came. */
const FORWARD_SPEED = 20;

export function outage(world: UtilityWorld, { fromMs, forMs, share }: Outage): Behaviour {
  const whether = drawsFor(world, 'outage');
  const endMs = fromMs + forMs;
  const forwardedMs = endMs + forMs / (FORWARD_SPEED - 1);
  return function* (source) {
    for (const beat of source) {
      // What is measured while the store empties queues behind it, so that a device's readings stay in order.
      const waits = beat.sendMs >= fromMs && beat.sendMs < forwardedMs && whether.device(beat.meter) < share;
      if (waits)
        beat.sendMs = Math.max(beat.sendMs, Math.floor(endMs + (beat.sendMs - fromMs) / FORWARD_SPEED));
      yield beat;
    }
  };
}
