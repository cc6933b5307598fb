import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LoadClient, TapeWriter } from '@weir/firmware-sim';
import {
  cpuSeconds,
  directoryBytes,
  rssBytes,
  writtenBytes,
} from '../../firmware-sim/src/bench/process-figures.ts';
import { LIMITS, parseDuration, parseSite, type StatusAnswer } from '../../node/src/contract/index.ts';
import type { Measured, Plan } from '../../node/src/plan/plan-site.ts';
import { SyntheticLoad } from '../../node/src/plan/synthetic-load.ts';
import { Appliance, NODE, until } from '../product/appliance.ts';
import { plannedSite } from './planned-site.ts';
import { SteadySender } from './steady-sender.ts';

/**
 * `node test/plan/check-plan.ts [--minutes 10] [--days 10] [--meters 1000] [--every 5s] [--pack 20] [--only disk|store|pace]`
 * holds what `weir plan` says against the real appliance: what so many days leave on the disk, and what the store is handed
 * over two hours, both sent as fast as they are taken; and what so many minutes of a steady load cost. Prints each figure's ratio; exit status 1 when one of those
 * that do not depend on the machine's mood is off by more than a quarter.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    days: { type: 'string', default: '10' },
    meters: { type: 'string', default: '1000' },
    every: { type: 'string', default: '5s' },
    pack: { type: 'string', default: '20' },
    only: { type: 'string' },
  },
});

const OFF = 0.25;
const DISK_METERS = 300;
/** Checkpoints in the lapsed time: enough that runs of many of them are folded. */
const LAPSED_CHECKPOINTS = 26;
const TAPE_BYTES = 256 * 1024;
/** What the first minute costs is the start's. */
const WARM_MS = 60_000;

interface Row {
  figure: string;
  planned: number;
  real: number;
  /** Whether it must be right whatever else the machine does. */
  strict: boolean;
}

const rows: Row[] = [];
const dir = await mkdtemp(join(tmpdir(), 'weir-planned-'));
try {
  const wanted = (part: string) => values.only === undefined || values.only === part;
  if (wanted('disk')) await checkDisk(Number(values.days));
  if (wanted('store')) await checkStore();
  if (wanted('pace')) await checkPace(Number(values.minutes));
} finally {
  await rm(dir, { recursive: true, force: true });
}
report();

async function plan(site: string, ...args: string[]): Promise<{ plan: Plan; measured: Measured }> {
  // It runs for some time on a small board, which `weir` of the tests would not wait for.
  const line = [...NODE.slice(1), 'plan', site, '--json', '--dir', dir, ...args];
  const child = spawn(NODE[0], line, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  return JSON.parse(text) as { plan: Plan; measured: Measured };
}

async function start(
  name: string,
  days: number,
  more: string[] = [],
): Promise<{ board: Appliance; data: string; site: string }> {
  const site = join(dir, `${name}.yaml`);
  await writeFile(site, plannedSite(days));
  const data = join(dir, name);
  const board = await Appliance.start({ data, site, more });
  await board.ready();
  return { board, data, site };
}

function sim(board: Appliance, ...args: string[]) {
  const where = ['sim', 'utility', '--utilities', 'electricity', '--mqtt', `127.0.0.1:${board.mqttPort}`];
  const child = spawn(NODE[0], [...NODE.slice(1), ...where, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  process.once('exit', () => child.kill());
  return once(child, 'close');
}

/** Days of quarter-hourly readings as fast as they go, then a clean end: what is left is what the days take. */
async function checkDisk(days: number): Promise<void> {
  const { board, data, site } = await start('disk', days + 2);
  const load = ['--meters', String(DISK_METERS), '--pack', '20', '--every', '15m', '--values', '51'];
  const { plan: planned, measured } = await plan(site, ...load);
  const world = ['--meters', String(DISK_METERS), '--heartbeat', '15m', '--packs', '20'];
  await sim(board, ...world, '--from', `${days}d`, '--to', new Date().toISOString(), '--speed', 'max');
  const status = await settled(board);
  await board.stop();
  const store = directoryBytes(join(data, 'store'));
  const log = directoryBytes(join(data, 'log'), 'ballast');
  const share = days / (days + 2);
  const tiers = planned.disk.tiers.reduce((sum, { bytes }) => sum + bytes, 0);
  const readings = (DISK_METERS * days * 86_400) / 900;
  console.error(
    `${status.log.last} records, ${readings} readings, ${measured.logBytesPerReading} B a reading planned`,
  );
  rows.push({
    figure: 'tiers and history',
    planned: (tiers + planned.disk.historyBytes) * share,
    real: store,
    strict: true,
  });
  rows.push({ figure: 'raw, in packs', planned: planned.disk.rawBytes * share, real: log, strict: false });
}

/** Hours of the steady load in minutes: checkpoints come by readings, as often as they would by time. */
async function checkStore(): Promise<void> {
  const { meters, every, pack } = values;
  const args = ['--meters', meters, '--every', every, '--pack', pack, '--values', '51'];
  const everyMs = parseDuration(every)!;
  const threads = Math.max(1, Math.min(4, availableParallelism() - 1));
  const eachThread = (Number(meters) * LIMITS.checkpointMs) / everyMs / threads;
  const { board, site } = await start('store', 7, ['--checkpoint', String(Math.round(eachThread))]);
  const { plan: planned } = await plan(site, ...args);
  const [stream] = parseSite(plannedSite(7), site).site!.streams;
  const load = { stream, keys: Number(meters), everyMs, pack: Number(pack), values: 51 };
  const rounds = Math.round((LAPSED_CHECKPOINTS * LIMITS.checkpointMs) / everyMs);
  const synthetic = new SyntheticLoad(load, load.keys, Date.now() - (rounds + 2) * everyMs);
  const client = new LoadClient({ host: '127.0.0.1', port: board.mqttPort, clientId: 'lapse', window: 64 });
  await client.open();
  const half = Math.floor(rounds / 2);
  let before = await figures(board);
  for (let round = 0; round < rounds; round++) {
    const tape = new TapeWriter(TAPE_BYTES);
    for (const { topic, payload, readings } of synthetic.round(round))
      tape.add(topic, Buffer.from(payload).toString(), readings);
    await client.send(tape.tape());
    if (round + 1 !== half) continue;
    await client.settle();
    await settled(board);
    before = await figures(board);
  }
  await client.settle();
  await client.close();
  await settled(board);
  const after = await figures(board);
  await board.stop();
  const handed = (after.stored - before.stored) / (after.readings - before.readings);
  const perDay = planned.load.readingsPerSecond * 86_400;
  rows.push({
    figure: 'store bytes a reading',
    planned: planned.flash.storeHandedBytesPerDay / perDay,
    real: handed,
    strict: true,
  });
}

async function checkPace(minutes: number): Promise<void> {
  const { board, site } = await start('pace', 7);
  const { meters, every, pack } = values;
  const args = ['--meters', meters, '--every', every, '--pack', pack, '--values', '51'];
  const { plan: planned, measured } = await plan(site, ...args);
  const [stream] = parseSite(plannedSite(7), site).site!.streams;
  const everyMs = parseDuration(every)!;
  const load = { stream, keys: Number(meters), everyMs, pack: Number(pack), values: 51 };
  const sender = await SteadySender.start(board.mqttPort, load);
  const startedMs = performance.now();
  await until('the first minute', () => performance.now() - startedMs > WARM_MS, 2 * WARM_MS);
  const before = await figures(board);
  let rss = 0;
  await until(
    'the load to end',
    () => {
      rss = Math.max(rss, rssBytes(board.pid));
      return performance.now() - startedMs > WARM_MS + minutes * 60_000;
    },
    (minutes + 1) * 60_000,
  );
  const after = await figures(board);
  await sender.stop();
  await board.stop();
  const since = (of: keyof Figures) => after[of] - before[of];
  const seconds = since('atMs') / 1000;
  const { load: pace, flash, cpu } = planned;
  const row = (figure: string, planned: number, real: number, strict: boolean) =>
    rows.push({ figure, planned, real, strict });
  row('readings a second', pace.readingsPerSecond, since('readings') / seconds, true);
  row('commits a second', pace.commitsPerSecond, since('records') / seconds, true);
  row('log bytes a reading', measured.logBytesPerReading, since('logged') / since('readings'), true);
  row('flash bytes a reading', flash.bytesPerReading, since('written') / since('readings'), true);
  row('CPU µs a reading', cpu.microsPerReading, (1e6 * since('cpu')) / since('readings'), false);
  row('memory', planned.memoryBytes, rss, false);
}

interface Figures {
  atMs: number;
  readings: number;
  records: number;
  logged: number;
  stored: number;
  written: number;
  cpu: number;
}

async function figures(board: Appliance): Promise<Figures> {
  const text = await (await fetch(new URL('/metrics', board.http))).text();
  const metric = (name: string) => Number(new RegExp(`^weir_${name} (\\S+)`, 'm').exec(text)?.[1]);
  return {
    atMs: performance.now(),
    readings: metric('readings_total'),
    records: metric('log_records_total'),
    logged: metric('log_appended_bytes_total'),
    stored: metric('store_written_bytes_total'),
    written: writtenBytes(board.pid),
    cpu: cpuSeconds(board.pid),
  };
}

/** All that was sent is applied. */
async function settled(board: Appliance): Promise<StatusAnswer> {
  let status = await board.json<StatusAnswer>('/api/v1/status');
  await until(
    'the shards to have applied all',
    async () => {
      status = await board.json<StatusAnswer>('/api/v1/status');
      return status.lagRecords === 0;
    },
    120_000,
  );
  return status;
}

function report(): void {
  for (const { figure, planned, real, strict } of rows)
    console.log(
      `${figure.padEnd(24)} planned ${planned.toPrecision(4).padStart(10)}  real ${real.toPrecision(4).padStart(10)}  ratio ${(planned / real).toFixed(2)}${strict ? '' : '  (of this machine)'}`,
    );
  const wrong = rows.filter(({ planned, real, strict }) => strict && Math.abs(planned / real - 1) > OFF);
  if (wrong.length > 0) {
    console.error(`off by more than ${OFF * 100} %: ${wrong.map(({ figure }) => figure).join(', ')}`);
    process.exitCode = 1;
  }
}
