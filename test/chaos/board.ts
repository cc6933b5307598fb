import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LoadClient, TapeWriter } from '@weir/firmware-sim';
import type { LedgerAnswer, StatusAnswer } from '@weir/node/contract';
import { Appliance } from '../product/appliance.ts';
import { STATES } from '../product/readings.ts';
import { numberOption } from './cut-loop.ts';
import { MemoryGroup } from './memory-group.ts';

/**
 * The conditions of a small board: 2 GB of memory (a cgroup), one core (taskset), 20 ms more for each fsync (a shim
 * compiled on the spot). Concentrators send packs of 100 readings, each meter once in five seconds; pages are asked for
 * meanwhile. Needs root, gcc and taskset; `--minutes 30` is the long form.
 */
const LIMIT_BYTES = 2 * 1024 ** 3;
const SYNC_US = 20_000;
const PACK = 100;
const BEAT_MS = 5_000;
const TICK_MS = 50;
const SHOWN_EVERY_MS = 10_000;

interface Sample {
  atS: number;
  rssMB: number;
  /** Of these, what no file backs: the rest is the program and pages of LevelDB's files, which the system takes back. */
  anonMB: number;
  groupMB: number;
  ackP99Ms: number | null;
  lagRecords: number;
}

const minutes = numberOption('minutes', 30);
const readingsPerSecond = numberOption('rate', 20_000);
const core = String(numberOption('core', 1));
const concentrators = Math.round((readingsPerSecond * BEAT_MS) / 1000 / PACK);
const kwh = new Float64Array(concentrators * PACK);

/** The next pack of a concentrator: its hundred meters, a moment apart. */
function packOf(concentrator: number, ts: number): string {
  const parts: string[] = [];
  for (let at = 0; at < PACK; at++) {
    const meter = concentrator * PACK + at;
    const used = (meter * 31 + ts) % 90;
    kwh[meter] += used;
    const state = STATES[meter % STATES.length];
    parts.push(
      `{"meter":"m${meter}","ts":${ts - at},"kwh":${kwh[meter] / 1000},"used":${used / 1000},"state":"${state}"}`,
    );
  }
  return `[${parts.join()}]`;
}

/** Sends on time, whatever the acknowledgements do, up to the client's window. */
async function load(client: LoadClient, endsAtMs: number): Promise<void> {
  const startedMs = performance.now();
  let sent = 0;
  while (performance.now() < endsAtMs) {
    const due = Math.floor(((performance.now() - startedMs) / BEAT_MS) * concentrators);
    if (due > sent) {
      const tape = new TapeWriter(256 * 1024);
      const now = Date.now();
      for (; sent < due; sent++) {
        const concentrator = sent % concentrators;
        tape.add(`packs/c${concentrator}/electricity`, packOf(concentrator, now), PACK);
      }
      await client.send(tape.tape());
    }
    await pause(TICK_MS);
  }
  await client.settle();
}

async function askPages(appliance: Appliance, endsAtMs: number, tookMs: number[]): Promise<void> {
  for (let page = 0; performance.now() < endsAtMs; page++) {
    const meter = (page * 7919) % kwh.length;
    const startedMs = performance.now();
    await appliance.json(`/api/v1/rollups/usage?from=-24h&step=1m&by=meter&where.meter=m${meter}`);
    tookMs.push(performance.now() - startedMs);
    await pause(4 * TICK_MS);
  }
}

function memoryMB(pid: number, line: 'VmRSS' | 'RssAnon'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`^${line}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024);
}

async function watch(
  appliance: Appliance,
  group: MemoryGroup,
  client: LoadClient,
  endsAtMs: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedMs = performance.now();
  while (performance.now() < endsAtMs) {
    await pause(Math.max(0, Math.min(SHOWN_EVERY_MS, endsAtMs - performance.now())));
    const { lagRecords } = await appliance.json<StatusAnswer>('/api/v1/status');
    const sample = {
      atS: Math.round((performance.now() - startedMs) / 1000),
      rssMB: memoryMB(appliance.pid, 'VmRSS'),
      anonMB: memoryMB(appliance.pid, 'RssAnon'),
      groupMB: Math.round(group.usedBytes() / 1024 ** 2),
      ackP99Ms: client.latency.percentileMs(0.99),
      lagRecords,
    };
    samples.push(sample);
    process.stderr.write(`${JSON.stringify({ ...sample, acked: client.ackedReadings })}\n`);
  }
  return samples;
}

const share = (sorted: number[], of: number) =>
  Math.round(sorted[Math.floor((sorted.length - 1) * of)] * 10) / 10;

async function measure(work: string, group: MemoryGroup): Promise<object> {
  const shim = join(work, 'slow-sync.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-o', shim, join(import.meta.dirname, 'slow-sync.c'), '-ldl']);
  const appliance = await Appliance.start({
    data: join(work, 'data'),
    under: [...group.under(), 'taskset', '-c', core],
    env: { LD_PRELOAD: shim, SLOW_SYNC_US: String(SYNC_US) },
  });
  try {
    await appliance.ready();
    const target = { host: '127.0.0.1', port: appliance.mqttPort, clientId: 'concentrators', window: 2_000 };
    const client = new LoadClient(target);
    await client.open();
    const endsAtMs = performance.now() + minutes * 60_000;
    const pagesMs: number[] = [];
    const startedMs = performance.now();
    const [samples] = await Promise.all([
      watch(appliance, group, client, endsAtMs),
      load(client, endsAtMs),
      askPages(appliance, endsAtMs, pagesMs),
    ]);
    const tookS = (performance.now() - startedMs) / 1000;
    await client.close();
    pagesMs.sort((a, b) => a - b);
    const ledger = await appliance.json<LedgerAnswer>('/api/v1/ledger?stream=electricity');
    const exit = await appliance.stop();
    return {
      minutes,
      meters: kwh.length,
      readings: client.ackedReadings,
      readingsPerSecond: Math.round(client.ackedReadings / tookS),
      ackMs: {
        p50: client.latency.percentileMs(0.5),
        p99: client.latency.percentileMs(0.99),
        max: client.latency.maxMs,
      },
      pageMs: {
        p50: share(pagesMs, 0.5),
        p99: share(pagesMs, 0.99),
        max: share(pagesMs, 1),
        pages: pagesMs.length,
      },
      memory: samples.filter(
        (_, at) => at % Math.ceil(samples.length / 12) === 0 || at === samples.length - 1,
      ),
      counted: ledger.counted,
      missing: client.ackedReadings - ledger.counted,
      cgroup: group.version,
      // What else the machine does takes from the one core, too.
      loadAverage: loadavg().map((one) => Math.round(one * 10) / 10),
      exit,
    };
  } finally {
    await appliance.kill();
  }
}

const work = mkdtempSync(join(tmpdir(), 'weir-board-'));
const group = new MemoryGroup(LIMIT_BYTES);
const tidy = () => {
  rmSync(work, { recursive: true, force: true });
  group.remove();
};
process.once('SIGTERM', () => process.exit(130)).once('SIGINT', () => process.exit(130));
try {
  process.stdout.write(`${JSON.stringify(await measure(work, group))}\n`);
} finally {
  tidy();
}
