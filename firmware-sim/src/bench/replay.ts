import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, type BenchDefinition, type Figures, type Outcome, ratio } from './bench.ts';
import { counted } from './counted.ts';
import { eachRun } from './each-run.ts';
import { feedOf } from './feed.ts';
import { cpuSeconds } from './process-figures.ts';
import { named, type RunningServer } from './servers/server.ts';
import { startWeir, weir } from './servers/weir.ts';
import { siteFile } from './site-file.ts';
import { type Workload, workload } from './workload.ts';
import { timesParsing, YARDSTICK } from './yardstick.ts';

const READINGS = 3_000_000;
/** Readings for each second of a core. */
const FEW_RATE = 3e6;
const MANY_RATE = 1.5e6;
const SITE = siteFile('packs');

/** The store is taken away and made again from the log: readings for each second of processor time beyond an idle start. */
export const replayBench: BenchDefinition = {
  name: 'replay',
  summary: 'the store made again from the log, at 10k and 1M meters',
  async run(bench: Bench): Promise<Outcome> {
    const few = workload(10_000, 10_000, READINGS * bench.scale);
    const meters = Math.round(1_000_000 * bench.scale);
    const many = workload(meters, meters, READINGS * bench.scale);
    const servers = [named(weir('packs'), 'weir 10k'), named(weir('packs'), 'weir 1M')];
    const outcome = await eachRun(bench, servers, (server) =>
      measure(bench, server, server.name === 'weir 1M' ? many : few),
    );
    const { 'weir 10k': small, 'weir 1M': large, [YARDSTICK]: parsing } = outcome.medians;
    const parsedPerCoreS = 1e6 / parsing.cpuSPerMillion;
    return {
      ...outcome,
      ratios: [
        ratio('readings a core-second at 10k meters', small?.readingsPerCoreS, 1, { atLeast: FEW_RATE }),
        ratio('the same, of JSON.parse’s rate', small?.readingsPerCoreS, parsedPerCoreS, {
          atLeast: 1 / timesParsing(1e6 / FEW_RATE),
        }),
        ratio('readings a core-second at 1M meters', large?.readingsPerCoreS, 1, { atLeast: MANY_RATE }),
        ratio('the same, of JSON.parse’s rate', large?.readingsPerCoreS, parsedPerCoreS, {
          atLeast: 1 / timesParsing(1e6 / MANY_RATE),
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
  const readings = warm.readings + main.readings;
  const feed = await feedOf(bench, server, world);
  await (await feed.prepare(warm))();
  await (await feed.prepare(main))();
  await counted(bench, server, readings);
  await feed.close();
  await server.stop();
  const idle = await restart(bench, server.directory, readings);
  rmSync(join(server.directory, 'store'), { recursive: true });
  const replay = await restart(bench, server.directory, readings);
  return {
    readingsPerCoreS: rateOver(readings, replay.cpuS - idle.cpuS),
    readingsPerS: rateOver(readings, replay.seconds - idle.seconds),
    idleStartS: idle.seconds,
  };
}

/** Two starts differ by some noise: less than that is no measurement. */
function rateOver(readings: number, seconds: number): number {
  return seconds > 0.1 ? readings / seconds : Number.NaN;
}

async function restart(
  bench: Bench,
  directory: string,
  readings: number,
): Promise<{ seconds: number; cpuS: number }> {
  const startedMs = performance.now();
  const again = await startWeir(bench, directory, SITE);
  try {
    await counted(bench, again, readings);
    return { seconds: (performance.now() - startedMs) / 1000, cpuS: cpuSeconds(again.pid) };
  } finally {
    await again.stop();
  }
}
