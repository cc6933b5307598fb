import { type Bench, type BenchDefinition, type Figures, type Outcome, ratio } from './bench.ts';
import { counted } from './counted.ts';
import { eachRun } from './each-run.ts';
import { feedOf } from './feed.ts';
import type { RunningServer } from './servers/server.ts';
import { startWeir, weir } from './servers/weir.ts';
import { siteFile } from './site-file.ts';
import { type Workload, workload } from './workload.ts';

const METERS = 1_000_000;
const SITE = siteFile('series');

/** kill -9 with a million live series: how long until it serves again, and whether all that was acknowledged is there. */
export const recoveryBench: BenchDefinition = {
  name: 'recovery',
  summary: 'serving again after kill -9 with a million live series',
  async run(bench: Bench): Promise<Outcome> {
    const meters = Math.round(METERS * bench.scale);
    const load = workload(meters, meters, 2 * meters);
    const outcome = await eachRun(bench, [weir('series')], (server) => measure(bench, server, load));
    return {
      ...outcome,
      ratios: [ratio('seconds until serving', outcome.medians.weir?.servingAfterS, 1, { atMost: 10 })],
    };
  },
};

async function measure(
  bench: Bench,
  server: RunningServer,
  { world, warm, main }: Workload,
): Promise<Figures> {
  const feed = await feedOf(bench, server, world);
  await (await feed.prepare(warm))();
  await (await feed.prepare(main))();
  await server.kill();
  await feed.close();
  const startedMs = performance.now();
  const again = await startWeir(bench, server.directory, SITE);
  try {
    const servingMs = performance.now() - startedMs;
    // Whatever is missing now was acknowledged and is lost; more than was sent was counted twice.
    await counted(bench, again, warm.readings + main.readings);
    return { servingAfterS: servingMs / 1000, countedAfterS: (performance.now() - startedMs) / 1000 };
  } finally {
    await again.stop();
  }
}
