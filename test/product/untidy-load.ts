import type { Appliance } from './appliance.ts';
import type { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { type Meters, seeded, shuffled } from './readings.ts';

/** Packs of readings that come late, out of order, and some of them twice. */
export async function untidyLoad(
  weir: Appliance,
  oracle: Oracle,
  meters: Meters,
  { packs, seed }: { packs: number; seed: number },
): Promise<void> {
  const publisher = await Publisher.open(weir.mqttPort, oracle);
  const random = seeded(seed + packs);
  for (let at = 0; at < packs; at++) {
    await publisher.pack(shuffled(meters.take(50), random));
    const again = at % 5 === 4 ? oracle.someAcked(20, random) : [];
    if (again.length > 0) await publisher.pack(again, true);
  }
  await publisher.settle();
  await publisher.close();
}
