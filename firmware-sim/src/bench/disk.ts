import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, type BenchDefinition, type Figures, type Outcome, ratio } from './bench.ts';
import { counted } from './counted.ts';
import { eachRun } from './each-run.ts';
import { feedOf } from './feed.ts';
import { directoryBytes, writtenBytes } from './process-figures.ts';
import { influx } from './servers/influx.ts';
import { named, type RunningServer } from './servers/server.ts';
import { victoria } from './servers/victoria.ts';
import { weir } from './servers/weir.ts';
import { type Workload, workload } from './workload.ts';

const METERS = 10_000;
const SAMPLE_MS = 10;
/** Weir's reserve for a full disk, which holds no readings. */
const RESERVE = 'ballast';

/** Bytes a reading: what stays on the disk, and all that was written to it until the server had ended. */
export const diskBench: BenchDefinition = {
  name: 'disk',
  summary: 'bytes on disk and bytes written a reading, in packs and singly',
  async run(bench: Bench): Promise<Outcome> {
    const load = workload(METERS, METERS, 2_000_000 * bench.scale);
    const fewer = workload(METERS, METERS, 500_000 * bench.scale);
    const servers = [
      victoria,
      influx,
      named(weir('packs'), 'weir packs'),
      named(weir('packs'), 'weir singles'),
    ];
    const outcome = await eachRun(bench, servers, (server) =>
      measure(bench, server, server.name === 'weir singles' ? fewer : load),
    );
    const { 'weir packs': packs, 'weir singles': singles } = outcome.medians;
    return {
      ...outcome,
      ratios: [
        ratio('log bytes a reading in packs', packs?.logBytesPerReading, 1, { atMost: 4 }),
        ratio('log bytes a reading singly', singles?.logBytesPerReading, 1, { atMost: 12 }),
        ratio('bytes written a reading in packs', packs?.writtenBytesPerReading, 1, { atMost: 32 }),
      ],
    };
  },
};

async function measure(
  bench: Bench,
  server: RunningServer,
  { world, warm, main }: Workload,
): Promise<Figures> {
  const feed = await feedOf(bench, server, world, server.name === 'weir singles' ? 'singles' : 'packs');
  const readings = warm.readings + main.readings;
  let writtenBefore = 0;
  try {
    await (await feed.prepare(warm))();
    await counted(bench, server, warm.readings);
    // What a first start lays out, a reserve for the full disk among it, is no cost of a reading.
    writtenBefore = writtenBytes(server.pid);
    await (await feed.prepare(main))();
    await counted(bench, server, readings);
  } finally {
    await feed.close();
  }
  const written = await writtenWhenEnded(server);
  const log = join(server.directory, 'log');
  return {
    diskBytesPerReading: directoryBytes(server.directory, RESERVE) / readings,
    logBytesPerReading: existsSync(log) ? directoryBytes(log, RESERVE) / readings : Number.NaN,
    tierBytesPerReading: existsSync(log)
      ? directoryBytes(join(server.directory, 'store')) / readings
      : Number.NaN,
    writtenBytesPerReading: (written - writtenBefore) / main.readings,
  };
}

/** The kernel's count goes away with the process, so it is read until there is none. */
async function writtenWhenEnded(server: RunningServer): Promise<number> {
  let written = writtenBytes(server.pid);
  const timer = setInterval(() => {
    try {
      written = Math.max(written, writtenBytes(server.pid));
    } catch {
      clearInterval(timer);
    }
  }, SAMPLE_MS);
  await server.stop();
  clearInterval(timer);
  return written;
}
