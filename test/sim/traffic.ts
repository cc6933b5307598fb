import { type Behaviours, behave } from '../../firmware-sim/src/behaviours/compose.ts';
import { type Beat, beats } from '../../firmware-sim/src/utility/beats.ts';
import { utilityWorld } from '../../firmware-sim/src/utility/world.ts';
import { SWAP_TOPIC, type SwapMessage } from '../../node/src/contract/index.ts';
import { encodeGroup, nameHash } from '../../node/src/contract/measures/entry-key.ts';
import { hashBytes, shardOfHash } from '../../node/src/contract/reading/shard-of.ts';
import type { TestReading } from '../../node/src/engine/testing/oracle.ts';
import type { Draw } from './draw.ts';

/** Shards that the simulated devices and their topics belong to: enough to have more than one, few enough to be quick. */
export const SHARDS = [5, 17];

/** One payload of one device. */
export interface Message {
  /** For the trace. */
  name: string;
  topic: string;
  payload: Uint8Array;
  /** What the payload says; empty when it is no reading. */
  readings: TestReading[];
  /** What an operator records of it. */
  swap: { id: string; undo: boolean } | null;
  /** When the device has it ready, in ms since the simulation began. */
  readyMs: number;
}

export interface Traffic {
  /** When the simulation begins, true time. */
  startMs: number;
  spanMs: number;
  /** By device, in the order in which they leave it. */
  devices: Message[][];
}

const HOUR_MS = 3_600_000;
/** Shortly before clocks change in Berlin and St John's, a leap day's eve, and a plain day. */
const STARTS = [
  Date.UTC(2026, 9, 24, 22, 40),
  Date.UTC(2026, 10, 1, 2, 50),
  Date.UTC(2028, 1, 28, 22),
  Date.UTC(2026, 5, 10, 9, 58),
];

/** What the devices of a run send, with everything that devices do: late, twice, after an outage, from zero again. */
export function traffic(seed: string, draw: Draw, spread: number): Traffic {
  const startMs = draw.of(STARTS);
  const spanMs = draw.of([20 * 60_000, 2 * HOUR_MS, 9 * HOUR_MS]);
  const meters = draw.whole(1, 7);
  const readings = draw.whole(12, spread);
  const heartbeatMs = Math.max(1_000, Math.floor((spanMs * meters) / readings));
  const world = utilityWorld({ seed, meters, heartbeatMs, utilities: ['electricity'] });
  const sent = behave(world, beats(world, startMs, startMs + spanMs), behaviours(draw, startMs, spanMs));
  const devices: Message[][] = Array.from({ length: meters }, () => []);
  const open: Beat[][] = devices.map(() => []);
  const flush = (meter: number) => {
    if (open[meter].length === 0) return;
    devices[meter].push(...messagesOf(open[meter], startMs, draw));
    open[meter] = [];
  };
  for (const beat of sent) {
    open[beat.meter].push(beat);
    if (draw.chance(0.75) || open[beat.meter].length >= 6) flush(beat.meter);
  }
  for (let meter = 0; meter < meters; meter++) {
    flush(meter);
    for (const message of swaps(devices[meter], draw)) devices[meter].push(message);
    devices[meter].sort((a, b) => a.readyMs - b.readyMs);
  }
  return { startMs, spanMs, devices };
}

/** An operator changes a meter now and then, tells it before or after, and takes some of it back. */
function swaps(sent: Message[], draw: Draw): Message[] {
  const readings = sent.flatMap((message) => message.readings);
  const messages: Message[] = [];
  for (let left = draw.weighted([12, 3, 1]); left > 0 && readings.length > 0; left--) {
    const { key, time, numbers } = draw.of(readings);
    const shown = Math.max(0, numbers.kwh ?? 0);
    const swap: SwapMessage = {
      at: time + draw.of([0, 1, -1, 30_000, -30_000]),
      meter: key,
      id: `${key}-${time}-${left}`,
      stream: 'electricity',
      field: 'kwh',
      last: decimal(Math.max(0, shown + draw.whole(-20, 400))),
      first: decimal(draw.of([0, draw.whole(0, 900), shown])),
      by: 'operator',
      note: '',
    };
    const { readyMs } = draw.of(sent);
    messages.push(swapMessage(swap, false, readyMs));
    if (draw.chance(0.4)) messages.push(swapMessage(swap, true, readyMs + draw.of([0, 1_000, 600_000])));
  }
  return messages;
}

function swapMessage(swap: SwapMessage, undo: boolean, readyMs: number): Message {
  const text = JSON.stringify(undo ? { ...swap, undo: 'yes' } : swap);
  return {
    name: `${undo ? 'undo of ' : ''}swap ${swap.id}`,
    topic: SWAP_TOPIC,
    payload: new TextEncoder().encode(text),
    readings: [],
    swap: { id: swap.id, undo },
    readyMs,
  };
}

function decimal(scaled: number): string {
  return (scaled / 1000).toFixed(3);
}

function behaviours(draw: Draw, startMs: number, spanMs: number): Behaviours {
  const perDay = (2 * 24 * HOUR_MS) / spanMs;
  const some = <T>(share: number, value: T): T | undefined => (draw.chance(share) ? value : undefined);
  return {
    late: some(0.7, { share: 0.25, upToMs: draw.of([60_000, spanMs / 4, spanMs]) }),
    duplicates: some(0.7, { share: 0.3, upToMs: draw.of([1_000, spanMs / 2]) }),
    reboots: some(0.3, { perDay, counter: draw.of(['kept', 'lost'] as const), downMs: 30_000 }),
    resets: some(0.3, { perDay }),
    skew: some(0.2, { share: 0.5, upToMs: 4 * 60_000 }),
    outage: some(0.3, { fromMs: startMs + spanMs / 4, forMs: spanMs / 3, share: 0.6 }),
  };
}

/** The pack of the beats; now and then followed by something that a device should not send. */
function messagesOf(some: Beat[], startMs: number, draw: Draw): Message[] {
  const { meter, sendMs } = some[some.length - 1];
  const readyMs = Math.max(0, sendMs - startMs);
  const key = deviceNames()[meter];
  const topic = `meters/${key}/electricity`;
  const name = `${key}#${some.map((beat) => `${beat.index}${beat.dup ? 'd' : ''}`).join('+')}`;
  const readings = some.map((beat) => readingOf(key, beat));
  const pack = (of: TestReading[]) => {
    const text = of.length === 1 ? textOf(of[0]) : `[${of.map(textOf).join(',')}]`;
    return new TextEncoder().encode(text);
  };
  const messages: Message[] = [{ name, topic, payload: pack(readings), readings, swap: null, readyMs }];
  if (draw.chance(0.06)) {
    const other = readings.map((one) => ({
      ...one,
      numbers: { ...one.numbers, kwh: (one.numbers.kwh ?? 0) + 1 },
    }));
    messages.push({
      name: `${name}!other`,
      topic,
      payload: pack(other),
      readings: other,
      swap: null,
      readyMs,
    });
  }
  if (draw.chance(0.06)) {
    const text = draw.of(['', '{"ts":', 'null', '{"ts":4102444800000,"kwh":1}', '{"ts":1e400}']);
    const payload = new TextEncoder().encode(text);
    messages.push({ name: `${name}!bad`, topic, payload, readings: [], swap: null, readyMs });
  }
  return messages;
}

/** Not every reading has every field, and a meter moves to another state now and then. */
function readingOf(key: string, beat: Beat): TestReading {
  const turn = Math.abs(beat.index * 7 + beat.meter * 3);
  return {
    key,
    time: beat.ts,
    numbers: {
      kwh: turn % 11 === 0 ? null : beat.register,
      watts: turn % 13 === 0 ? null : ((turn * 37) % 9000) - 40,
    },
    texts: { state: turn % 17 === 0 ? null : ['NY', 'CA', 'TX'][Math.floor(turn / 60) % 3] },
  };
}

function textOf({ time, numbers, texts }: TestReading): string {
  const { kwh, watts } = numbers;
  return JSON.stringify({
    ts: time,
    ...(kwh === null ? {} : { kwh: kwh / 1000 }),
    ...(watts === null ? {} : { watts: watts / 10 }),
    ...(texts.state === null ? {} : { state: texts.state }),
  });
}

const names: string[] = [];

/** Names that put key and topic into `SHARDS`. */
function deviceNames(): string[] {
  for (let n = 0; names.length < 8; n++) {
    const name = `m${n}`;
    const bytes = new TextEncoder().encode(name);
    const key = shardOfHash(hashBytes(bytes, 0, bytes.length));
    if (SHARDS.includes(key) && SHARDS.includes(asideShard(`meters/${name}/electricity`))) names.push(name);
  }
  return names;
}

/** Where the ledger counts what a topic brought that was no reading. */
export function asideShard(topic: string): number {
  return shardOfHash(nameHash(encodeGroup([topic])));
}
