import { setTimeout as delay } from 'node:timers/promises';
import { behave } from '../behaviours/compose.ts';
import { LightSender } from '../send/light-sender.ts';
import { MqttSender } from '../send/mqtt-sender.ts';
import type { Sender } from '../send/sender.ts';
import { beats } from '../utility/beats.ts';
import { type Message, packs, singles } from '../utility/messages.ts';
import { utilityWorld } from '../utility/world.ts';
import type { SimOptions } from './options.ts';
import { Progress, type SimSample } from './progress.ts';
import { WorldClock } from './world-clock.ts';

/** A batch is bounded in messages, so that progress, the signal and a changing rate are looked at often. */
const BATCH_MESSAGES = 512;
/** Shortest wait for the next message: timers are not finer, and a few messages at once are cheaper to send. */
const TICK_MS = 5;
const SETTLE_MS = 10_000;

/** Runs the world until its time, its count or the signal ends it; answers what was sent and acknowledged. */
export async function runSim(
  options: SimOptions,
  signal: AbortSignal = new AbortController().signal,
  onSample: (sample: SimSample) => void = () => {},
): Promise<SimSample> {
  const sender = senderOf(options);
  const bounded = Number.isFinite(options.forMs)
    ? AbortSignal.any([signal, AbortSignal.timeout(options.forMs)])
    : signal;
  await sender.open(signal);
  const progress = new Progress(sender, onSample);
  try {
    await play(options, sender, progress, bounded);
    await sender.settle(AbortSignal.timeout(SETTLE_MS));
  } finally {
    progress.stop();
    await sender.close();
  }
  return progress.total();
}

export function messagesOf(options: SimOptions): Generator<Message, void, void> {
  const world = utilityWorld(options.utility);
  const sent = behave(world, beats(world, options.fromMs, options.toMs), options.behaviours);
  return options.packReadings === null ? singles(world, sent) : packs(world, sent, options.packReadings);
}

function senderOf({ client, mqtt, connections, window }: SimOptions): Sender {
  if (client === 'light') return new LightSender(mqtt, connections, window);
  return new MqttSender(mqtt, client === 'per-device' ? 'per-device' : connections, window);
}

async function play(
  options: SimOptions,
  sender: Sender,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const messages = messagesOf(options);
  const clock = new WorldClock(options.fromMs, options.speed);
  const startedMs = performance.now();
  let readings = 0;
  let next = messages.next();
  while (!next.done && readings < options.count && !signal.aborted) {
    const worldMs = clock.now();
    const allowed = Math.min(
      options.count,
      ((performance.now() - startedMs + TICK_MS) / 1000) * options.rate,
    );
    const batch: Message[] = [];
    while (
      !next.done &&
      batch.length < BATCH_MESSAGES &&
      next.value.sendMs <= worldMs &&
      readings < allowed
    ) {
      batch.push(next.value);
      readings += next.value.readings;
      next = messages.next();
    }
    progress.worldMs = batch.at(-1)?.sendMs ?? worldMs;
    if (batch.length > 0) await sender.send(batch, signal);
    else if (!next.done) await pause(Math.max(TICK_MS, clock.untilMs(next.value.sendMs)), signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // A wall clock that jumps must not put the run to sleep for as long as it jumped.
  await delay(Math.min(ms, 1_000), undefined, { signal }).catch((fault: unknown) => {
    if (!signal.aborted) throw fault;
  });
}
