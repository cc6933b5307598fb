import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/**
 * How soon a release is there, and what it takes when nothing happens:
 * `start-and-idle.ts [--runs 10] [--idle-seconds 60] [--shares] [--check] [-- PROGRAM…]`. PROGRAM is the executable of this
 * machine (dist/package/…/weir) or, by default, the bundle under Node. Each run has an empty data directory. It prints
 * medians; with `--check` it ends with 1 where a budget is missed, which means something on a quiet machine only.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '10' },
    'idle-seconds': { type: 'string', default: '60' },
    /** Of the mapped memory, the largest parts. */
    shares: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
});
const ROOT = join(import.meta.dirname, '..', '..');
const BUNDLE = [process.execPath, '--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];
const program = positionals.length > 0 ? positionals : [...BUNDLE, join(ROOT, 'dist', 'weir.mjs')];
const runs = Number(values.runs);
const idleMs = Number(values['idle-seconds']) * 1000;
/** After the start, until what only the start needed is let go of. */
const SETTLE_MS = 40_000;
const BUDGET = { startMs: 1_000, rssMB: 120, cpuPercent: 2, writtenPerSecond: 1_000 };
const TICKS_PER_SECOND = 100;

interface Started {
  child: ReturnType<typeof spawn>;
  data: string;
  ms: number;
  cpuMs: number;
}

/** None of them outlives this process. */
const running = new Set<ReturnType<typeof spawn>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

async function start(): Promise<Started> {
  const data = await mkdtemp(join(tmpdir(), 'weir-start-'));
  const words = ['up', '--json', '--data', data, '--mqtt', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  // As the service's unit has it.
  const env = {
    ...process.env,
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '65536',
    UV_THREADPOOL_SIZE: '8',
  };
  const from = performance.now();
  const child = spawn(program[0], [...program.slice(1), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  running.add(child);
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  const { http } = JSON.parse(line) as { http: string };
  const giveUp = performance.now() + 60_000;
  for (;;) {
    if ((await fetch(`${http}/readyz`)).status === 200) break;
    if (performance.now() > giveUp) throw new Error('it did not become ready within a minute');
    await pause(2);
  }
  return { child, data, ms: performance.now() - from, cpuMs: await cpuMs(child.pid!) };
}

async function end({ child, data }: Started): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
  running.delete(child);
  await rm(data, { recursive: true });
}

async function cpuMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

async function field(pid: number, file: string, name: string): Promise<number> {
  return Number(
    new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(await readFile(`/proc/${pid}/${file}`, 'utf8'))?.[1],
  );
}

async function memory(pid: number): Promise<{ rss: number; own: number; mapped: number }> {
  const mb = async (name: string) => (await field(pid, 'status', name)) / 1024;
  return { rss: await mb('VmRSS'), own: await mb('RssAnon'), mapped: await mb('RssFile') };
}

/** The files that are mapped, by what of them is in memory; and what lies in memory without a file. */
async function shares(pid: number): Promise<string[]> {
  const sums = new Map<string, number>();
  let name = '';
  for (const line of (await readFile(`/proc/${pid}/smaps`, 'utf8')).split('\n')) {
    const map = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)$/.exec(line);
    if (map) name = map[1] || '(none)';
    const rss = /^Rss:\s+(\d+)/.exec(line);
    if (rss) sums.set(name, (sums.get(name) ?? 0) + Number(rss[1]) / 1024);
  }
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 8)
    .map(([of, mb]) => `  ${mb.toFixed(1).padStart(6)} MB ${of}\n`);
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1];

const times: number[] = [];
const cpu: number[] = [];
for (let run = 0; run < runs; run++) {
  const started = await start();
  times.push(started.ms);
  cpu.push(started.cpuMs);
  await end(started);
}
const startMs = runs > 0 ? median(times) : 0;
if (runs > 0)
  process.stdout.write(
    `start to /readyz   ${startMs.toFixed(0)} ms (${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)}, ${runs} runs); ${median(cpu).toFixed(0)} ms of processor time\n`,
  );
let missed = startMs > BUDGET.startMs;
if (idleMs > 0) {
  const idle = await start();
  const pid = idle.child.pid!;
  await pause(SETTLE_MS);
  const before = { cpu: await cpuMs(pid), written: await field(pid, 'io', 'write_bytes') };
  await pause(idleMs);
  const { rss, own, mapped } = await memory(pid);
  const cpuPercent = ((await cpuMs(pid)) - before.cpu) / (idleMs / 100);
  const writtenPerSecond = ((await field(pid, 'io', 'write_bytes')) - before.written) / (idleMs / 1000);
  process.stdout.write(
    `idle               ${rss.toFixed(0)} MB RSS: ${own.toFixed(0)} MB of its own, ${mapped.toFixed(0)} MB of mapped files; ${cpuPercent.toFixed(2)} % of a core; ${writtenPerSecond.toFixed(0)} B/s written\n`,
  );
  if (values.shares) process.stdout.write((await shares(pid)).join(''));
  missed ||=
    rss > BUDGET.rssMB || cpuPercent > BUDGET.cpuPercent || writtenPerSecond > BUDGET.writtenPerSecond;
  await end(idle);
}
process.exitCode = values.check && missed ? 1 : 0;
