import type { Beat } from '../utility/beats.ts';
import { decimal } from '../utility/payload.ts';
import { meterId, type UtilityWorld } from '../utility/world.ts';
import { type Bench, type BenchDefinition, type Figures, type Outcome, ratio } from './bench.ts';
import { counted } from './counted.ts';
import { eachRun } from './each-run.ts';
import { feedOf } from './feed.ts';
import { cpuSeconds, peakRssBytes, rssBytes } from './process-figures.ts';
import { named, type RunningServer } from './servers/server.ts';
import { victoria } from './servers/victoria.ts';
import { weir } from './servers/weir.ts';
import { workload } from './workload.ts';

const MANY = 1_000_000;
const FEW = 10_000;

/** A million live meters in one rollup: resident memory, and what a reading costs against ten thousand meters. */
export const memoryBench: BenchDefinition = {
  name: 'memory',
  summary: 'a million live meters in one rollup, beside victoria-metrics with a million series',
  async run(bench: Bench): Promise<Outcome> {
    const many = workload(Math.round(MANY * bench.scale), MANY * bench.scale, 2 * MANY * bench.scale);
    const few = workload(FEW, MANY * bench.scale, 2 * MANY * bench.scale);
    const servers = [victoria, weir('series'), named(weir('series'), 'weir 10k')];
    const outcome = await eachRun(bench, servers, (server) =>
      measure(bench, server, server.name.endsWith('10k') ? few : many),
    );
    const { weir: own, 'weir 10k': small } = outcome.medians;
    return {
      ...outcome,
      ratios: [
        ratio('MB of RSS', own?.rssMB, 1, { atMost: 400 }),
        ratio('CPU a reading, of that at 10k meters', own?.cpuSPerMillion, small?.cpuSPerMillion, {
          atMost: 2.5,
        }),
      ],
    };
  },
};

async function measure(
  bench: Bench,
  server: RunningServer,
  { world, warm, main }: ReturnType<typeof workload>,
): Promise<Figures> {
  const feed = await feedOf(bench, server, world, 'packs', usedLine);
  try {
    await (await feed.prepare(warm))();
    if (server.mqtt !== null) await counted(bench, server, warm.readings);
    const play = await feed.prepare(main);
    const cpu = cpuSeconds(server.pid);
    await play();
    if (server.mqtt !== null) await counted(bench, server, warm.readings + main.readings);
    const figures = {
      rssMB: rssBytes(server.pid) / 1e6,
      peakRssMB: peakRssBytes(server.pid) / 1e6,
      bytesPerSeries: rssBytes(server.pid) / world.meters,
      cpuSPerMillion: (cpuSeconds(server.pid) - cpu) / (main.readings / 1e6),
    };
    // The peer's counting query touches every series and would stand in its figures, so it comes after them.
    if (server.mqtt === null) await counted(bench, server, warm.readings + main.readings);
    return figures;
  } finally {
    await feed.close();
  }
}

/** One field only, so that victoria-metrics has one series for each meter as Weir does. */
function usedLine(world: UtilityWorld, beat: Beat): string {
  return `electricity,meter=${meterId(world, beat.meter)} used=${decimal(beat.used, 4)} ${beat.ts}\n`;
}
