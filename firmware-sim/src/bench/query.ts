import { Latency } from '../send/latency.ts';
import { meterId, type UtilityWorld, utilityWorld } from '../utility/world.ts';
import { type Bench, type BenchDefinition, type Figures, type Outcome, ratio } from './bench.ts';
import { counted } from './counted.ts';
import { eachRun } from './each-run.ts';
import { feedOf } from './feed.ts';
import { askPages } from './page-asker.ts';
import type { RunningServer } from './servers/server.ts';
import { victoria } from './servers/victoria.ts';
import { weir } from './servers/weir.ts';
import { type Workload, workload } from './workload.ts';

const METERS = 10_000;
const RATE = 150_000;
const SECONDS = 12;
const PAGES = 50;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Between questions: a page is asked for by people, and the gateway slows a source that asks without pause. */
const PAUSE_MS = 25;

/** One meter's day of minutes, asked for again and again while 150,000 readings arrive each second. */
export const queryBench: BenchDefinition = {
  name: 'query',
  summary: 'a meter’s day of 1 m buckets while 150k readings/s arrive, beside victoria-metrics',
  async run(bench: Bench): Promise<Outcome> {
    const seconds = Math.max(2, SECONDS * bench.scale);
    const load = workload(METERS, METERS, RATE * seconds);
    const outcome = await eachRun(bench, [victoria, weir('packs')], (server) => measure(bench, server, load));
    return {
      ...outcome,
      ratios: [ratio('ms at p99', outcome.medians.weir?.p99Ms, 1, { atMost: 5 })],
    };
  },
};

async function measure(bench: Bench, server: RunningServer, load: Workload): Promise<Figures> {
  const history = await prepareHistory(bench, server, load.warm.from);
  const feed = await feedOf(bench, server, load.world);
  try {
    await (await feed.prepare(load.warm))();
    await counted(bench, server, history.readings + load.warm.readings);
    const play = await feed.prepare(load.main, RATE);
    const latency = new Latency();
    const ended = new AbortController();
    const startedMs = performance.now();
    let seconds = Number.NaN;
    const playing = play().finally(() => {
      seconds = (performance.now() - startedMs) / 1000;
      ended.abort();
    });
    const paths = history.meters.map((meter) => pageOf(server, history, meter));
    const task = { base: server.http!, paths, pauseMs: PAUSE_MS };
    const [us] = await Promise.all([askPages(task, ended.signal), playing]);
    for (const each of us) latency.record(each);
    return {
      p50Ms: latency.percentileMs(0.5) ?? Number.NaN,
      p99Ms: latency.percentileMs(0.99) ?? Number.NaN,
      maxMs: latency.maxMs,
      questions: latency.total,
      readingsPerS: load.main.readings / seconds,
    };
  } finally {
    await feed.close();
  }
}

interface History {
  meters: string[];
  from: number;
  to: number;
  readings: number;
}

/** A day of a reading a minute for the meters whose pages are looked at; they are not among those that send now. */
async function prepareHistory(bench: Bench, server: RunningServer, to: number): Promise<History> {
  const end = Math.floor(to / MINUTE_MS) * MINUTE_MS;
  const world = utilityWorld({
    seed: 'pages',
    meters: PAGES,
    heartbeatMs: MINUTE_MS,
    utilities: ['electricity'],
  });
  const aside = { ...world, utilities: world.utilities.map((utility) => ({ ...utility, letter: 'p' })) };
  const span = { from: end - DAY_MS, to: end, readings: (PAGES * DAY_MS) / MINUTE_MS };
  const feed = await feedOf(bench, server, aside);
  try {
    await (await feed.prepare(span))();
    await counted(bench, server, span.readings);
  } finally {
    await feed.close();
  }
  return { ...span, meters: metersOf(aside) };
}

function metersOf(world: UtilityWorld): string[] {
  return Array.from({ length: world.meters }, (_, meter) => meterId(world, meter));
}

function pageOf(server: RunningServer, { from, to }: History, meter: string): string {
  if (server.name === 'weir')
    return `/api/v1/rollups/electricity?from=${from}&to=${to}&step=1m&by=meter&where.meter=${meter}&measures=used,watts`;
  const query = encodeURIComponent(
    `sum_over_time({__name__=~"electricity_used|electricity_watts",meter="${meter}"}[1m]) keep_metric_names`,
  );
  return `/api/v1/query_range?query=${query}&start=${from / 1000}&end=${to / 1000}&step=60`;
}
