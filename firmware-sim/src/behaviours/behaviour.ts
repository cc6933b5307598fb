import type { Beat } from '../utility/beats.ts';
import { bitsAt, chanceAt, seedOf } from '../utility/random.ts';
import type { UtilityWorld } from '../utility/world.ts';

/**
 * A behaviour turns a stream of beats, ordered by `dueMs`, into another: it changes, drops or doubles beats but
 * keeps that order. Sending order is made once, at the end. What a behaviour decides belongs to the seed, the meter and the beat.
 */
export type Behaviour = (source: Iterable<Beat>) => Iterable<Beat>;

/** Draws in [0, 1) for one purpose of one world: by device, and by device's beat. */
export interface Draws {
  device(device: number): number;
  beat(beat: Beat): number;
}

export function drawsFor(world: UtilityWorld, purpose: string): Draws {
  const base = seedOf(`${world.seed}/${purpose}`);
  return {
    device: (device) => chanceAt(base, device),
    beat: (beat) => chanceAt(bitsAt(base, beat.meter), beat.index),
  };
}
