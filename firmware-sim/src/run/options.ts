import type { Behaviours } from '../behaviours/compose.ts';
import type { MqttTarget } from '../send/sender.ts';
import type { WorldOptions } from '../utility/world.ts';

/** Everything that a run of a simulator needs; `simOptions` fills in the defaults. */
export interface SimOptions {
  world: 'utility';
  utility: WorldOptions;
  behaviours: Behaviours;
  /** Readings in a pack of a concentrator; null: each meter publishes by itself. */
  packReadings: number | null;
  mqtt: MqttTarget;
  /** `light` is for load; the others are real MQTT clients. */
  client: 'light' | 'shared' | 'per-device';
  connections: number;
  /** Messages on their way without PUBACK, over all connections. */
  window: number;
  /** Where the world's time begins and ends, epoch ms; the end may be Infinity. */
  fromMs: number;
  toMs: number;
  /** How much faster than real time the world's time goes until it has caught up with now. */
  speed: number;
  /** Most readings in a second; Infinity for no bound. */
  rate: number;
  /** Ends the run after so much real time, or so many readings. */
  forMs: number;
  count: number;
}

export function simOptions(given: Partial<SimOptions> & Pick<SimOptions, 'mqtt'>): SimOptions {
  const fromMs = given.fromMs ?? Date.now();
  return {
    world: 'utility',
    utility: {
      seed: 'weir',
      meters: 1_000,
      heartbeatMs: 5_000,
      utilities: ['electricity', 'gas', 'water'],
    },
    behaviours: {},
    packReadings: null,
    client: 'shared',
    connections: 4,
    window: 1_000,
    toMs: Number.POSITIVE_INFINITY,
    speed: 1,
    rate: Number.POSITIVE_INFINITY,
    forMs: Number.POSITIVE_INFINITY,
    count: Number.POSITIVE_INFINITY,
    ...given,
    fromMs,
  };
}

/** What `weir up --demo` runs: 200 meters, two hours of history within twelve seconds, then live. */
export function demoOptions(mqtt: MqttTarget): SimOptions {
  return simOptions({
    mqtt,
    utility: { seed: 'demo', meters: 200, heartbeatMs: 5_000, utilities: ['electricity', 'gas', 'water'] },
    fromMs: Date.now() - 2 * 3_600_000,
    speed: 600,
  });
}
