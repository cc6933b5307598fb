import type { Appliance } from '../product/appliance.ts';
import { Oracle } from '../product/oracle.ts';
import { Publisher } from '../product/publisher.ts';
import { Meters, type Reading } from '../product/readings.ts';
import { verify } from '../product/verify.ts';

/** What is done to the whole product in each round, over one data directory. */
export interface CutWorld {
  start(): Promise<Appliance>;
  /** Ends it without a warning; afterwards `start` must be possible. */
  cut(appliance: Appliance): Promise<void>;
}

export interface CutResult {
  cuts: number;
  ackedReadings: number;
  lost: number;
  countedTwice: number;
  /** Rounds after which an answer, a register or the ledger was wrong, in words; the first few. */
  wrong: string[];
  readyMsMax: number;
  readyMsMedian: number;
}

const METERS = 40;
const PACK = 20;
/** Loads end after so many acknowledged messages, so that a slow machine is cut at the same places as a fast one. */
const MOST_ACKS = 250;

/**
 * Loads, cuts, starts again, holds every answer against the oracle, sends again what was not acknowledged, as devices
 * do, and loads on. Before the repetition each unacknowledged reading may be counted; after it each must be, once.
 */
export async function cutLoop(
  world: CutWorld,
  most: { times: number; minutes?: number },
  random: () => number,
  progress: (line: string) => void,
): Promise<CutResult> {
  const oracle = new Oracle();
  const result: CutResult = {
    cuts: 0,
    ackedReadings: 0,
    lost: 0,
    countedTwice: 0,
    wrong: [],
    readyMsMax: 0,
    readyMsMedian: 0,
  };
  const readyMs: number[] = [];
  const meters = {
    singles: new Meters(METERS, Date.now() - 3 * 3_600_000, random, 's'),
    packs: new Meters(METERS, Date.now() - 3 * 3_600_000, random, 'p'),
  };
  let appliance = await world.start();
  await appliance.ready();
  const endsAtMs = performance.now() + (most.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  while (result.cuts < most.times && performance.now() < endsAtMs) {
    const load = await Promise.all([
      loadSingles(appliance, oracle, meters.singles, random),
      loadPacks(appliance, oracle, meters.packs, random),
    ]);
    await acksOf(load, 1 + Math.floor(random() * MOST_ACKS));
    await world.cut(appliance);
    for (const one of load) await one.ended;
    result.cuts++;
    appliance = await world.start();
    const tookMs = await appliance.ready();
    readyMs.push(tookMs);
    const before = await verify(appliance, oracle);
    await sendAgain(appliance, oracle);
    const after = await verify(appliance, oracle);
    result.ackedReadings = oracle.ackedReadings;
    result.lost += Math.max(before.lost, after.lost);
    result.countedTwice += Math.max(before.twice, after.twice);
    result.wrong.push(...[...before.wrong, ...after.wrong].map((wrong) => `cut ${result.cuts}: ${wrong}`));
    result.wrong.splice(12);
    progress(
      `cut ${result.cuts}: ${oracle.ackedReadings} readings acked, lost ${result.lost}, twice ${result.countedTwice}, wrong ${result.wrong.length}, ready in ${tookMs.toFixed(0)} ms`,
    );
    // What was wrong once stays wrong: going on would only repeat it.
    if (result.wrong.length > 0) break;
  }
  const code = await appliance.stop();
  if (code !== 0) result.wrong.push(`the last SIGTERM ended with ${code}: ${appliance.talk.slice(-500)}`);
  readyMs.sort((a, b) => a - b);
  result.readyMsMedian = Math.round(readyMs[Math.floor(readyMs.length / 2)]);
  result.readyMsMax = Math.round(readyMs[readyMs.length - 1]);
  return result;
}

interface Load {
  publisher: Publisher;
  ended: Promise<void>;
}

async function loadSingles(
  appliance: Appliance,
  oracle: Oracle,
  meters: Meters,
  random: () => number,
): Promise<Load> {
  const publisher = await Publisher.open(appliance.mqttPort, oracle, { window: 100 });
  return { publisher, ended: sendUntilBroken() };

  async function sendUntilBroken(): Promise<void> {
    let held: Reading[] = [];
    for (;;) {
      const reading = meters.next();
      // One in 20 waits and comes late, one in 30 comes twice.
      if (random() < 0.05) held.push(reading);
      else if (!(await publisher.single(reading))) break;
      if (random() < 0.03 && !(await publisher.single(reading, true))) break;
      if (held.length < 5) continue;
      for (const late of held.reverse()) await publisher.single(late);
      held = [];
    }
  }
}

async function loadPacks(
  appliance: Appliance,
  oracle: Oracle,
  meters: Meters,
  random: () => number,
): Promise<Load> {
  const publisher = await Publisher.open(appliance.mqttPort, oracle, { window: 8 });
  return { publisher, ended: sendUntilBroken() };

  async function sendUntilBroken(): Promise<void> {
    for (;;) {
      const readings = meters.take(PACK);
      if (!(await publisher.pack(readings))) break;
      if (random() < 0.03 && !(await publisher.pack(readings, true))) break;
    }
  }
}

async function acksOf(load: Load[], acks: number): Promise<void> {
  const acked = () => load.reduce((all, { publisher }) => all + publisher.ackMs.length, 0);
  while (acked() < acks) {
    const broken = load.find(({ publisher }) => publisher.broken);
    if (broken) throw new Error('a publisher was cut off before the cut', { cause: broken.publisher.broken });
    await Promise.race(load.map(({ publisher }) => publisher.change()));
  }
}

/** Every reading that was sent and not acknowledged, through the door it first came by. */
async function sendAgain(appliance: Appliance, oracle: Oracle): Promise<void> {
  const open = oracle.maybe();
  const packed = open.filter(({ meter }) => meter.startsWith('p'));
  const publisher = await Publisher.open(appliance.mqttPort, oracle);
  for (const reading of open) if (!meterIsPacked(reading)) await publisher.single(reading, true);
  for (let at = 0; at < packed.length; at += PACK) await publisher.pack(packed.slice(at, at + PACK), true);
  await publisher.settle();
  await publisher.close();
}

function meterIsPacked({ meter }: Reading): boolean {
  return meter.startsWith('p');
}

/** `--times 500`, or what is preset. */
export function numberOption(name: string, preset: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? preset : Number(process.argv[at + 1]);
  if (!(value > 0)) throw new Error(`--${name} takes a number`);
  return value;
}
