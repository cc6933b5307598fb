import type { Beat } from '../utility/beats.ts';
import type { UtilityWorld } from '../utility/world.ts';
import type { Behaviour } from './behaviour.ts';
import { type Duplicates, duplicates } from './duplicates.ts';
import { type Lateness, late } from './late.ts';
import { type Outage, outage } from './outage.ts';
import { type Reboots, type Resets, reboots, resets, zeroPoints } from './registers.ts';
import { inSendOrder } from './send-order.ts';
import { type Skew, skew } from './skew.ts';

/** Which behaviours the devices have; an absent one is off. */
export interface Behaviours {
  late?: Lateness;
  duplicates?: Duplicates;
  reboots?: Reboots;
  resets?: Resets;
  skew?: Skew;
  outage?: Outage;
}

/** What the devices send, in the order in which they send it. What happens to the meter comes before what happens to the message. */
export function behave(
  world: UtilityWorld,
  measured: Iterable<Beat>,
  wanted: Behaviours,
): Generator<Beat, void, void> {
  const zero = zeroPoints(world);
  const chain: Behaviour[] = [];
  if (wanted.resets !== undefined) chain.push(resets(world, wanted.resets, zero));
  if (wanted.reboots !== undefined) chain.push(reboots(world, wanted.reboots, zero));
  if (wanted.skew !== undefined) chain.push(skew(world, wanted.skew));
  if (wanted.outage !== undefined) chain.push(outage(world, wanted.outage));
  if (wanted.late !== undefined) chain.push(late(world, wanted.late));
  if (wanted.duplicates !== undefined) chain.push(duplicates(world, wanted.duplicates));
  return inSendOrder(chain.reduce<Iterable<Beat>>((beats, behaviour) => behaviour(beats), measured));
}
