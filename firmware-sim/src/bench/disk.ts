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
  try {
    await (await feed.prepare(warm))();
    await (await feed.prepare(main))();
    await counted(bench, server, readings);
  } finally {
    await feed.close();
  }
  const written = await writtenWhenEnded(server);
  const log = join(server.directory, 'log');
  const logBytes = existsSync(log) ? directoryBytes(log) : Number.NaN;
  return {
    diskBytesPerReading: directoryBytes(server.directory) / readings,
    logBytesPerReading: logBytes / readings,
    tierBytesPerReading: existsSync(log)
      ? directoryBytes(join(server.directory, 'store')) / readings
      : Number.NaN,
    writtenBytesPerReading: written / readings,
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
