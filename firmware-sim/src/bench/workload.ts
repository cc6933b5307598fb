import { LoadClient } from '../send/load-client.ts';
import { type Tape, TapeWriter } from '../send/tape.ts';
import { type Beat, beats } from '../utility/beats.ts';
import { type Message, packs, singles } from '../utility/messages.ts';
import { decimal, watts } from '../utility/payload.ts';
import { meterId, stateOf, type UtilityWorld, utilityWorld } from '../utility/world.ts';
import { Pace } from './pace.ts';

/** The readings of a benchmark: the same for every server, in time order, all in the past. */
export interface Workload {
  world: UtilityWorld;
  /** Sent first and not measured: interpreters compile and tables grow while it passes. */
  warm: Span;
  main: Span;
}

export interface Span {
  from: number;
  to: number;
  readings: number;
}

const HEARTBEAT_MS = 5_000;

/** Whole heartbeats of all meters, so that packs are full; at least one each. */
export function workload(
  meters: number,
  warmReadings: number,
  readings: number,
  nowMs = Date.now(),
): Workload {
  const world = utilityWorld({
    seed: 'bench',
    meters,
    heartbeatMs: HEARTBEAT_MS,
    utilities: ['electricity'],
  });
  const warmBeats = Math.max(1, Math.round(warmReadings / meters));
  const mainBeats = Math.max(1, Math.round(readings / meters));
  const to = Math.floor(nowMs / HEARTBEAT_MS) * HEARTBEAT_MS;
  const middle = to - mainBeats * HEARTBEAT_MS;
  const from = middle - warmBeats * HEARTBEAT_MS;
  return {
    world,
    warm: { from, to: middle, readings: warmBeats * meters },
    main: { from: middle, to, readings: mainBeats * meters },
  };
}

/** What every server is given of a reading: meter, time, register, consumption, power and state. */
export function benchJson(world: UtilityWorld, beat: Beat, withMeter: boolean): string {
  const meter = withMeter ? `"meter":"${meterId(world, beat.meter)}",` : '';
  return (
    `{${meter}"ts":${beat.ts},"kwh":${decimal(beat.register, 4)},"used":${decimal(beat.used, 4)},` +
    `"watts":${watts(world, beat)},"state":"${stateOf(world, beat.meter)}"}`
  );
}

/** The same reading as a line of InfluxDB's protocol, in milliseconds. */
export function benchLine(world: UtilityWorld, beat: Beat): string {
  return (
    `electricity,meter=${meterId(world, beat.meter)},state=${stateOf(world, beat.meter)} ` +
    `kwh=${decimal(beat.register, 4)},used=${decimal(beat.used, 4)},watts=${watts(world, beat)} ${beat.ts}\n`
  );
}

/** One tape a connection; a meter or concentrator keeps to its connection, so its readings stay in order. */
export function singleTapes(world: UtilityWorld, span: Span, connections: number): Tape[] {
  return tapesOf(singles(world, beats(world, span.from, span.to), benchJson), connections);
}

export function packTapes(world: UtilityWorld, span: Span, size: number, connections: number): Tape[] {
  return tapesOf(packs(world, beats(world, span.from, span.to), size, benchJson), connections);
}

export function tapesOf(messages: Iterable<Message>, connections: number): Tape[] {
  const writers = Array.from({ length: connections }, () => new TapeWriter(1 << 20));
  for (const { device, topic, payload, readings, dup } of messages)
    writers[device % connections].add(topic, payload, readings, dup);
  return writers.map((writer) => writer.tape());
}

export interface Batch {
  body: Buffer;
  readings: number;
}

/** Bodies of so many lines. */
export function lineBatches(
  world: UtilityWorld,
  span: Span,
  linesPerBatch: number,
  line: (world: UtilityWorld, beat: Beat) => string = benchLine,
): Batch[] {
  const batches: Batch[] = [];
  let lines: string[] = [];
  const close = (): void => {
    if (lines.length > 0) batches.push({ body: Buffer.from(lines.join('')), readings: lines.length });
    lines = [];
  };
  for (const beat of beats(world, span.from, span.to)) {
    if (lines.push(line(world, beat)) === linesPerBatch) close();
  }
  close();
  return batches;
}

/** Plays tapes over one light client each. */
export class Players {
  readonly clients: LoadClient[];

  constructor(target: { host: string; port: number }, connections: number, window: number) {
    this.clients = Array.from(
      { length: connections },
      (_, number) => new LoadClient({ ...target, clientId: `bench-${process.pid}-${number}`, window }),
    );
  }

  async open(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.open()));
  }

  /** Answers when all is acknowledged. A rate is kept over all connections together. */
  async play(tapes: Tape[], signal: AbortSignal, ratePerS?: number): Promise<void> {
    const perClient = ratePerS === undefined ? null : ratePerS / this.clients.length;
    await Promise.all(
      this.clients.map(async (client, at) => {
        if (perClient === null) await client.send(tapes[at], 0, tapes[at].frames, signal);
        else await sendPaced(client, tapes[at], perClient, signal);
        await client.settle(signal);
      }),
    );
    signal.throwIfAborted();
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }
}

async function sendPaced(
  client: LoadClient,
  tape: Tape,
  ratePerS: number,
  signal: AbortSignal,
): Promise<void> {
  const pace = new Pace(ratePerS);
  for (let frame = 0; frame < tape.frames; frame++) {
    await pace.take(tape.readings[frame], signal);
    await client.send(tape, frame, frame + 1, signal);
  }
}
