import { Latency } from '../send/latency.ts';
import { type Bench, type BenchDefinition, type Figures, type Outcome, ratio } from './bench.ts';
import { counted } from './counted.ts';
import { eachRun } from './each-run.ts';
import { SINGLE } from './feed.ts';
import { cpuSeconds, rssBytes } from './process-figures.ts';
import { mosquitto } from './servers/mosquitto.ts';
import type { RunningServer } from './servers/server.ts';
import { weir } from './servers/weir.ts';
import { Players, singleTapes, type Workload, workload } from './workload.ts';

const METERS = 10_000;
const { connections: CONNECTIONS, window: WINDOW } = SINGLE;

/** One reading a message, QoS 1: what it costs until the broker answers, and, for Weir, until it is counted. */
export const singlesBench: BenchDefinition = {
  name: 'singles',
  summary: 'single readings at QoS 1, beside mosquitto without persistence',
  async run(bench: Bench): Promise<Outcome> {
    const load = workload(METERS, 100_000 * bench.scale, 400_000 * bench.scale);
    const outcome = await eachRun(bench, [mosquitto, weir('packs')], (server) =>
      measure(bench, server, load),
    );
    const { mosquitto: peer, weir: own } = outcome.medians;
    return {
      ...outcome,
      ratios: [
        ratio('rate, of mosquitto’s', own?.msgPerS, peer?.msgPerS, { atLeast: 0.8 }),
        ratio('server CPU a message, of mosquitto’s', own?.cpuUsPerMsg, peer?.cpuUsPerMsg, { atMost: 2 }),
      ],
    };
  },
};

async function measure(
  bench: Bench,
  server: RunningServer,
  { world, warm, main }: Workload,
): Promise<Figures> {
  const players = new Players(server.mqtt!, CONNECTIONS, WINDOW);
  await players.open();
  try {
    await players.play(singleTapes(world, warm, CONNECTIONS), bench.signal);
    await counted(bench, server, warm.readings);
    const tapes = singleTapes(world, main, CONNECTIONS);
    for (const client of players.clients) client.latency.clear();
    const cpu = cpuSeconds(server.pid);
    const startedMs = performance.now();
    await players.play(tapes, bench.signal);
    const ackedMs = performance.now() - startedMs;
    await counted(bench, server, warm.readings + main.readings);
    const countedMs = performance.now() - startedMs;
    const cpuS = cpuSeconds(server.pid) - cpu;
    const latency = new Latency();
    for (const client of players.clients) latency.add(client.latency);
    return {
      msgPerS: (main.readings / ackedMs) * 1000,
      countedPerS: server.http === null ? Number.NaN : (main.readings / countedMs) * 1000,
      cpuUsPerMsg: (cpuS / main.readings) * 1e6,
      ackP50Ms: latency.percentileMs(0.5) ?? Number.NaN,
      ackP99Ms: latency.percentileMs(0.99) ?? Number.NaN,
      rssMB: rssBytes(server.pid) / 1e6,
    };
  } finally {
    await players.close();
  }
}
