import type { Beat } from './beats.ts';
import { meterId, stateOf, typeOf, type UtilityWorld, userId, userOf, utilityOf } from './world.ts';

/** An integer of 10^-decimals as decimal text, exactly. */
export function decimal(units: number, decimals: number): string {
  const scale = 10 ** decimals;
  const size = Math.abs(units);
  const whole = Math.floor(size / scale);
  const text = `${whole}.${String(size - whole * scale).padStart(decimals, '0')}`;
  return units < 0 ? `-${text}` : text;
}

/** Mean power of a beat: consumption is in 10^-decimals kWh. */
export function watts(world: UtilityWorld, beat: Beat): number {
  const { decimals } = utilityOf(world, beat.meter);
  return Math.round((beat.used * 3.6e9) / 10 ** decimals / world.heartbeatMs);
}

/** One reading as its device writes it; in a pack it names its meter, alone the topic does. */
export function readingJson(world: UtilityWorld, beat: Beat, withMeter: boolean): string {
  const utility = utilityOf(world, beat.meter);
  const meter = withMeter ? `"meter":"${meterId(world, beat.meter)}",` : '';
  const power = utility.name === 'electricity' ? `"watts":${watts(world, beat)},` : '';
  return (
    `{${meter}"ts":${beat.ts},"${utility.register}":${decimal(beat.register, utility.decimals)},` +
    `"used":${decimal(beat.used, utility.decimals)},${power}"state":"${stateOf(world, beat.meter)}",` +
    `"type":"${typeOf(world, beat.meter)}","user":"${userId(world, beat.meter)}",` +
    `"start":${beat.ts - Math.round(world.heartbeatMs)},"end":${beat.ts}}`
  );
}

export function meterTopic(world: UtilityWorld, meter: number): string {
  return `meters/${meterId(world, meter)}/${utilityOf(world, meter).name}`;
}

/** Concentrators serve `packSize` neighbours each, one utility at a time. */
export function concentratorOf(world: UtilityWorld, meter: number, packSize: number): number {
  const perUtility = Math.floor(userOf(world, meter) / packSize);
  return perUtility * world.utilities.length + (meter % world.utilities.length);
}

export function packTopic(world: UtilityWorld, concentrator: number): string {
  const utility = world.utilities[concentrator % world.utilities.length];
  const number = Math.floor(concentrator / world.utilities.length);
  return `packs/c${String(number).padStart(5, '0')}/${utility.name}`;
}
