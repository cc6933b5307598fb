import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { WeirError } from '@weir/node/contract';
import type { Behaviours } from '../behaviours/compose.ts';
import { demoOptions, type SimOptions, simOptions } from '../run/options.ts';
import type { MqttTarget } from '../send/sender.ts';
import { UTILITIES } from '../utility/utilities.ts';
import { durationMs, hostPort, instantMs, numberIn, oneOf, wholeIn } from './parse.ts';

const OPTIONS = {
  mqtt: { type: 'string', default: '127.0.0.1:1883' },
  username: { type: 'string' },
  password: { type: 'string' },
  'client-id': { type: 'string' },
  tls: { type: 'boolean', default: false },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  client: { type: 'string', default: 'shared' },
  connections: { type: 'string', default: '4' },
  window: { type: 'string', default: '1000' },
  print: { type: 'boolean', default: false },
  seed: { type: 'string', default: 'weir' },
  meters: { type: 'string', default: '1000' },
  utilities: { type: 'string', default: 'electricity,gas,water' },
  heartbeat: { type: 'string' },
  packs: { type: 'string' },
  from: { type: 'string', default: '0s' },
  to: { type: 'string' },
  speed: { type: 'string', default: '1' },
  rate: { type: 'string' },
  for: { type: 'string' },
  count: { type: 'string' },
  late: { type: 'string' },
  'late-by': { type: 'string', default: '10m' },
  duplicates: { type: 'string' },
  'duplicates-by': { type: 'string', default: '30s' },
  reboots: { type: 'string' },
  'lose-counters': { type: 'boolean', default: false },
  resets: { type: 'string' },
  skew: { type: 'string' },
  'skew-by': { type: 'string', default: '2m' },
  'outage-after': { type: 'string' },
  'outage-for': { type: 'string', default: '5m' },
  'outage-share': { type: 'string', default: '1' },
  demo: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Values = ReturnType<typeof parse>['values'];

/** What the command line asks for. */
export interface SimAsked {
  help: boolean;
  json: boolean;
  print: boolean;
  options: SimOptions;
}

const MOST = Number.MAX_VALUE;
const REBOOT_DOWN_MS = 30_000;

/** Throws WEIR_USAGE with the option at fault. */
export function simArgs(args: string[], nowMs: number = Date.now()): SimAsked {
  const { values, positionals } = parse(args);
  if (!values.help && (positionals.length !== 1 || positionals[0] !== 'utility'))
    throw new WeirError('WEIR_USAGE', `There is no world “${positionals.join(' ')}”.`, {
      suggestion: 'weir sim utility',
    });
  return {
    help: values.help,
    json: values.json,
    print: values.print,
    options: values.demo ? demoOptions(targetFrom(values)) : optionsFrom(values, nowMs),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new WeirError('WEIR_USAGE', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function optionsFrom(values: Values, nowMs: number): SimOptions {
  const meters = wholeIn('meters', values.meters, 1, 24_000_000);
  const rate = values.rate === undefined ? MOST : numberIn('rate', values.rate, 0.001, MOST);
  const fromMs = instantMs('from', values.from, nowMs);
  return simOptions({
    utility: {
      seed: values.seed,
      meters,
      heartbeatMs: heartbeatMs(values, meters, rate),
      utilities: values.utilities.split(',').map((name) =>
        oneOf(
          'utilities',
          name,
          UTILITIES.map((utility) => utility.name),
        ),
      ),
    },
    behaviours: behavioursFrom(values, fromMs),
    packReadings: values.packs === undefined ? null : wholeIn('packs', values.packs, 1, 10_000),
    mqtt: targetFrom(values),
    client: oneOf('client', values.client, ['shared', 'per-device', 'light']),
    connections: wholeIn('connections', values.connections, 1, 10_000),
    window: wholeIn('window', values.window, 1, 1_000_000),
    fromMs,
    toMs: values.to === undefined ? Number.POSITIVE_INFINITY : instantMs('to', values.to, nowMs),
    speed: values.speed === 'max' ? Number.POSITIVE_INFINITY : numberIn('speed', values.speed, 0.001, MOST),
    rate,
    forMs: values.for === undefined ? Number.POSITIVE_INFINITY : durationMs('for', values.for),
    count: values.count === undefined ? Number.POSITIVE_INFINITY : wholeIn('count', values.count, 1, MOST),
  });
}

/** A rate without a heartbeat makes the meters beat as often as it needs. */
function heartbeatMs(values: Values, meters: number, rate: number): number {
  if (values.heartbeat !== undefined) return durationMs('heartbeat', values.heartbeat);
  return values.rate === undefined ? 5_000 : (meters * 1_000) / rate;
}

function targetFrom(values: Values): MqttTarget {
  return {
    ...hostPort('mqtt', values.mqtt, 1883),
    username: values.username,
    password: values.password,
    clientId: values['client-id'] ?? `weir-sim-${process.pid}`,
    tls: values.tls ? { ca: file(values.ca), cert: file(values.cert), key: file(values.key) } : undefined,
  };
}

function file(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WeirError('WEIR_USAGE', `“${path}” cannot be read.`, { cause });
  }
}

function behavioursFrom(values: Values, fromMs: number): Behaviours {
  const share = (option: 'late' | 'duplicates' | 'skew' | 'outage-share'): number =>
    numberIn(option, values[option] ?? '', 0, 1);
  const by = (option: 'late-by' | 'duplicates-by' | 'skew-by'): number => durationMs(option, values[option]);
  const behaviours: Behaviours = {};
  if (values.late !== undefined) behaviours.late = { share: share('late'), upToMs: by('late-by') };
  if (values.duplicates !== undefined)
    behaviours.duplicates = { share: share('duplicates'), upToMs: by('duplicates-by') };
  if (values.skew !== undefined) behaviours.skew = { share: share('skew'), upToMs: by('skew-by') };
  if (values.resets !== undefined) behaviours.resets = { perDay: numberIn('resets', values.resets, 0, MOST) };
  if (values.reboots !== undefined)
    behaviours.reboots = {
      perDay: numberIn('reboots', values.reboots, 0, MOST),
      counter: values['lose-counters'] ? 'lost' : 'kept',
      downMs: REBOOT_DOWN_MS,
    };
  if (values['outage-after'] !== undefined)
    behaviours.outage = {
      fromMs: fromMs + durationMs('outage-after', values['outage-after']),
      forMs: durationMs('outage-for', values['outage-for']),
      share: share('outage-share'),
    };
  return behaviours;
}
