import { WeirError } from '@weir/node/contract';
import { bitsAt, randomFrom, seedOf } from './random.ts';
import { STATES, stateAt } from './states.ts';
import { maxUnits, UTILITIES, type Utility } from './utilities.ts';

export interface WorldOptions {
  seed: string;
  /** Meters of all utilities together; a user has one of each. */
  meters: number;
  heartbeatMs: number;
  utilities: Utility['name'][];
}

/** Registers count from here: the day on which all meters were put up. Beats have their index from it. */
export const INSTALLED_MS = Date.UTC(2026, 0, 1);

const BUSINESS_SHARE = 0.06;

/** What stays the same about the meters: 17 bytes a meter, nothing per beat. */
export interface UtilityWorld {
  seed: string;
  meters: number;
  heartbeatMs: number;
  utilities: Utility[];
  /** Greatest consumption in a beat, by utility. */
  maxUnits: number[];
  /** Meters in the order in which they beat within a heartbeat. */
  order: Uint32Array;
  phaseMs: Float64Array;
  meterSeed: Uint32Array;
  /** By user: index into `STATES`, and 1 for a business. */
  state: Uint8Array;
  business: Uint8Array;
}

export function utilityWorld(options: WorldOptions): UtilityWorld {
  const utilities = UTILITIES.filter((utility) => options.utilities.includes(utility.name));
  checkWorld(options, utilities);
  const { seed, meters, heartbeatMs } = options;
  const phaseMs = new Float64Array(meters);
  const meterSeed = new Uint32Array(meters);
  const draw = randomFrom(`${seed}/meters`);
  const base = seedOf(`${seed}/consumption`);
  for (let meter = 0; meter < meters; meter++) {
    phaseMs[meter] = draw() * heartbeatMs;
    meterSeed[meter] = bitsAt(base, meter);
  }
  const order = new Uint32Array(meters).map((_, meter) => meter);
  order.sort((a, b) => phaseMs[a] - phaseMs[b] || a - b);
  return {
    seed,
    meters,
    heartbeatMs,
    utilities,
    maxUnits: utilities.map((utility) => maxUnits(utility, heartbeatMs)),
    order,
    phaseMs,
    meterSeed,
    ...users(seed, Math.ceil(meters / utilities.length)),
  };
}

function users(seed: string, count: number): { state: Uint8Array; business: Uint8Array } {
  const draw = randomFrom(`${seed}/users`);
  const state = new Uint8Array(count);
  const business = new Uint8Array(count);
  for (let user = 0; user < count; user++) {
    state[user] = stateAt(draw());
    business[user] = draw() < BUSINESS_SHARE ? 1 : 0;
  }
  return { state, business };
}

function checkWorld(options: WorldOptions, utilities: Utility[]): void {
  if (utilities.length === 0)
    throw new WeirError('WEIR_USAGE', 'A utility world needs at least one of electricity, gas and water.');
  if (!Number.isInteger(options.meters) || options.meters < 1 || options.meters > 24_000_000)
    throw new WeirError('WEIR_USAGE', `A world has 1 to 24,000,000 meters, not ${options.meters}.`);
  // Two beats in one millisecond would be the same reading, since meter and time are its identity.
  if (!(options.heartbeatMs >= 1))
    throw new WeirError(
      'WEIR_USAGE',
      `A heartbeat of ${options.heartbeatMs} ms is too quick for the clock.`,
      {
        suggestion: 'Take more meters or a lower rate.',
      },
    );
}

export function utilityOf(world: UtilityWorld, meter: number): Utility {
  return world.utilities[meter % world.utilities.length];
}

export function maxOf(world: UtilityWorld, meter: number): number {
  return world.maxUnits[meter % world.utilities.length];
}

export function userOf(world: UtilityWorld, meter: number): number {
  return Math.floor(meter / world.utilities.length);
}

export function meterId(world: UtilityWorld, meter: number): string {
  return utilityOf(world, meter).letter + String(userOf(world, meter)).padStart(6, '0');
}

export function userId(world: UtilityWorld, meter: number): string {
  return `u${String(userOf(world, meter)).padStart(6, '0')}`;
}

export function stateOf(world: UtilityWorld, meter: number): string {
  return STATES[world.state[userOf(world, meter)]][0];
}

export function typeOf(world: UtilityWorld, meter: number): 'household' | 'business' {
  return world.business[userOf(world, meter)] === 1 ? 'business' : 'household';
}
