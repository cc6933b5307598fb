import { type Bench, type BenchDefinition, type Figures, type Outcome, ratio } from './bench.ts';
import { counted } from './counted.ts';
import { eachRun } from './each-run.ts';
import { feedOf } from './feed.ts';
import { cpuSeconds, rssBytes, writtenBytes } from './process-figures.ts';
import { influx } from './servers/influx.ts';
import type { RunningServer } from './servers/server.ts';
import { victoria } from './servers/victoria.ts';
import { weir } from './servers/weir.ts';
import { type Workload, workload } from './workload.ts';
import { timesParsing, YARDSTICK } from './yardstick.ts';

const METERS = 10_000;
/** A million readings, all threads. */
const CPU_SECONDS = 1.2;

/** Readings in bulk until a query sees them: packs of 100 over MQTT for Weir, line protocol for the others. */
export const packsBench: BenchDefinition = {
  name: 'packs',
  summary: 'packs of 100 until counted, beside line ingest of victoria-metrics and InfluxDB',
  async run(bench: Bench): Promise<Outcome> {
    const load = workload(METERS, 200_000 * bench.scale, 1_500_000 * bench.scale);
    const outcome = await eachRun(bench, [victoria, influx, weir('packs')], (server) =>
      measure(bench, server, load),
    );
    const { 'victoria-metrics': vm, influxdb, weir: own, [YARDSTICK]: parsing } = outcome.medians;
    return {
      ...outcome,
      ratios: [
        ratio('rate, of victoria-metrics’', own?.readingsPerS, vm?.readingsPerS, { atLeast: 0.6 }),
        ratio('rate, of InfluxDB’s', own?.readingsPerS, influxdb?.readingsPerS, { atLeast: 3 }),
        ratio('CPU-seconds a million readings', own?.cpuSPerMillion, 1, { atMost: CPU_SECONDS }),
        ratio('the same, of JSON.parse’s alone', own?.cpuSPerMillion, parsing?.cpuSPerMillion, {
          atMost: timesParsing(CPU_SECONDS),
        }),
      ],
    };
  },
};

async function measure(
  bench: Bench,
  server: RunningServer,
  { world, warm, main }: Workload,
): Promise<Figures> {
  const feed = await feedOf(bench, server, world);
  try {
    await (await feed.prepare(warm))();
    await counted(bench, server, warm.readings);
    const play = await feed.prepare(main);
    const cpu = cpuSeconds(server.pid);
    const written = writtenBytes(server.pid);
    const startedMs = performance.now();
    await play();
    const ackedMs = performance.now() - startedMs;
    await counted(bench, server, warm.readings + main.readings);
    const countedMs = performance.now() - startedMs;
    return {
      readingsPerS: (main.readings / countedMs) * 1000,
      ackedPerS: (main.readings / ackedMs) * 1000,
      cpuSPerMillion: (cpuSeconds(server.pid) - cpu) / (main.readings / 1e6),
      writtenBytesPerReading: (writtenBytes(server.pid) - written) / main.readings,
      rssMB: rssBytes(server.pid) / 1e6,
    };
  } finally {
    await feed.close();
  }
}
