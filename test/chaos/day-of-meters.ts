import { LoadClient, TapeWriter } from '@weir/firmware-sim';
import type { Appliance } from '../product/appliance.ts';
import { numberOption } from './cut-loop.ts';

/**
 * A day of many meters at 15-minute readings: every meter's register grows by its number and the slot. It is sent a day
 * after, and on time all the same, as the readings of an ordinary day are.
 */
const PACK = 500;
export const DAY_MS = 24 * 3_600_000;
const SLOT_MS = 15 * 60_000;
/** Of the day's 96. */
export const SLOTS = numberOption('slots', DAY_MS / SLOT_MS);
export const TAPE_BYTES = 1024 * 1024;
/** Yesterday, in UTC. */
export const day = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;

export const DAY_SITE = `weir: 1
site: { name: Reconcile, timezone: UTC }
streams:
  electricity:
    from: packs/{concentrator}/electricity
    time: ts
    key: meter
    lateness: 2d
    id: [meter, ts]
    fields: { kwh: { type: counter, unit: kWh, decimals: 3 }, state: text }
rollups:
  usage:
    of: electricity
    by: [[meter], [state], []]
    measures: { kwh: increase(kwh), readings: count() }
    tiers: { 15m: 30d, 1h: 4mo, 1d: 10y }
retention: { raw: 7d, rawBytes: 16GB }
`;

/** A pack of readings one after the other. */
export function packOf(first: number, count: number, ts: number, slot: number, letter = 'm'): string {
  const parts: string[] = [];
  for (let meter = first; meter < first + count; meter++)
    parts.push(
      `{"meter":"${letter}${meter}","ts":${ts + (meter % 899) * 1000},"kwh":${(slot * (40 + (meter % 61))) / 1000},"state":"s${meter % 50}"}`,
    );
  return `[${parts.join()}]`;
}

export async function clientOf(appliance: Appliance, clientId: string, window: number): Promise<LoadClient> {
  const client = new LoadClient({ host: '127.0.0.1', port: appliance.mqttPort, clientId, window });
  await client.open();
  return client;
}

/** The day, slot by slot, as fast as it is taken. */
export async function fillDay(appliance: Appliance, meters: number): Promise<number> {
  const client = await clientOf(appliance, 'day', 256);
  const startedMs = performance.now();
  let tape = new TapeWriter(TAPE_BYTES);
  let bytes = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    for (let first = 0; first < meters; first += PACK) {
      const count = Math.min(PACK, meters - first);
      const pack = packOf(first, count, day + slot * SLOT_MS, slot);
      tape.add('packs/day/electricity', pack, count);
      bytes += pack.length;
      if (bytes < TAPE_BYTES / 2) continue;
      await client.send(tape.tape());
      tape = new TapeWriter(TAPE_BYTES);
      bytes = 0;
    }
    if (slot % 8 === 7) process.stderr.write(`${slot + 1} of ${SLOTS} slots sent\n`);
  }
  if (bytes > 0) await client.send(tape.tape());
  await client.settle();
  await client.close();
  return (performance.now() - startedMs) / 1000;
}
