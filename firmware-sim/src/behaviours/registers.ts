import type { UtilityWorld } from '../utility/world.ts';
import { type Behaviour, drawsFor } from './behaviour.ts';

/** A meter restarts so often a day and is silent for `downMs`; a lost counter starts again from zero. */
export interface Reboots {
  perDay: number;
  counter: 'kept' | 'lost';
  downMs: number;
}

/** The register is set back to zero so often a day: a reset, or a new meter under the old name. */
export interface Resets {
  perDay: number;
}

/** Chance of a beat for something that happens so often a day. */
function chancePerBeat(world: UtilityWorld, perDay: number): number {
  return (perDay * world.heartbeatMs) / 86_400_000;
}

/** What each register showed in truth when it last went to zero: 8 bytes a meter, shared by what sets it back. */
export function zeroPoints(world: UtilityWorld): Float64Array {
  return new Float64Array(world.meters);
}

export function reboots(world: UtilityWorld, options: Reboots, zero: Float64Array): Behaviour {
  const chance = chancePerBeat(world, options.perDay);
  const whether = drawsFor(world, 'reboots');
  return function* (source) {
    const silentUntil = new Float64Array(world.meters);
    for (const beat of source) {
      if (whether.beat(beat) < chance) {
        silentUntil[beat.meter] = beat.dueMs + options.downMs;
        if (options.counter === 'lost') zero[beat.meter] = beat.total;
      }
      if (beat.dueMs < silentUntil[beat.meter]) continue;
      beat.register = beat.total - zero[beat.meter];
      yield beat;
    }
  };
}

export function resets(world: UtilityWorld, options: Resets, zero: Float64Array): Behaviour {
  const chance = chancePerBeat(world, options.perDay);
  const whether = drawsFor(world, 'resets');
  return function* (source) {
    for (const beat of source) {
      if (whether.beat(beat) < chance) zero[beat.meter] = beat.total;
      beat.register = beat.total - zero[beat.meter];
      yield beat;
    }
  };
}
