import type { Beat } from './beats.ts';
import { concentratorOf, meterTopic, packTopic, readingJson } from './payload.ts';
import type { UtilityWorld } from './world.ts';

/** What is handed to a sender. */
export interface Message {
  /** When it leaves, in the world's time. */
  sendMs: number;
  /** Number of the device: a meter, or a concentrator. One device's messages stay in order. */
  device: number;
  topic: string;
  payload: string;
  readings: number;
  dup: boolean;
}

/** Each reading by itself on its meter's topic. */
export function* singles(
  world: UtilityWorld,
  inOrder: Iterable<Beat>,
  encode: typeof readingJson = readingJson,
): Generator<Message, void, void> {
  for (const beat of inOrder) {
    yield {
      sendMs: beat.sendMs,
      device: beat.meter,
      topic: meterTopic(world, beat.meter),
      payload: encode(world, beat, false),
      readings: 1,
      dup: beat.dup,
    };
  }
}

interface OpenPack {
  sinceMs: number;
  readings: string[];
  dup: boolean;
}

/**
 * Readings gathered by their concentrators, `size` to a pack. A pack leaves when it is full, or with the first
 * reading that comes a heartbeat after its oldest. Holds at most `size` readings a concentrator.
 */
export function* packs(
  world: UtilityWorld,
  inOrder: Iterable<Beat>,
  size: number,
  encode: typeof readingJson = readingJson,
): Generator<Message, void, void> {
  const open = new Map<number, OpenPack>();
  let nowMs = 0;
  for (const beat of inOrder) {
    nowMs = beat.sendMs;
    const concentrator = concentratorOf(world, beat.meter, size);
    const pack = open.get(concentrator);
    const reading = encode(world, beat, true);
    if (pack === undefined) {
      open.set(concentrator, { sinceMs: nowMs, readings: [reading], dup: beat.dup });
    } else if (nowMs - pack.sinceMs >= world.heartbeatMs && pack.readings.length < size) {
      yield packMessage(world, concentrator, pack, nowMs);
      open.set(concentrator, { sinceMs: nowMs, readings: [reading], dup: beat.dup });
    } else {
      pack.readings.push(reading);
      pack.dup &&= beat.dup;
    }
    if (open.get(concentrator)!.readings.length < size) continue;
    yield packMessage(world, concentrator, open.get(concentrator)!, nowMs);
    open.delete(concentrator);
  }
  for (const [concentrator, pack] of open) yield packMessage(world, concentrator, pack, nowMs);
}

function packMessage(world: UtilityWorld, concentrator: number, pack: OpenPack, sendMs: number): Message {
  return {
    sendMs,
    device: concentrator,
    topic: packTopic(world, concentrator),
    payload: `[${pack.readings.join(',')}]`,
    readings: pack.readings.length,
    dup: pack.dup,
  };
}
