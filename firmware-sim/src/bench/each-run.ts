import { rmSync } from 'node:fs';
import { isWeirError } from '@weir/node/contract';
import { type Bench, type Figures, mediansOf, type Outcome } from './bench.ts';
import type { RunningServer, ServerUnderTest } from './servers/server.ts';
import { YARDSTICK, yardstick } from './yardstick.ts';

/**
 * Measures every server in turn, then all again: neighbours on the machine and a warming processor then touch all
 * of them alike. Each run has an empty directory. A server that fails is told of and left out from then on.
 */
export async function eachRun(
  bench: Bench,
  servers: ServerUnderTest[],
  measure: (server: RunningServer) => Promise<Figures>,
): Promise<Omit<Outcome, 'ratios'>> {
  const runs: Record<string, Figures[]> = {};
  const notes: string[] = [];
  const failed: string[] = [];
  const wanted = servers.filter(({ name }) => bench.only === null || bench.only.includes(name.split(' ')[0]));
  for (const { name } of wanted.filter((server) => !server.installed()))
    notes.push(`${name} is not installed.`);
  let left = wanted.filter((server) => server.installed());
  for (let run = 1; run <= bench.runs; run++) {
    runs[YARDSTICK] = [...(runs[YARDSTICK] ?? []), yardstick()];
    for (const server of [...left]) {
      bench.signal.throwIfAborted();
      try {
        const figures = await oneRun(bench, server, measure);
        runs[server.name] = [...(runs[server.name] ?? []), figures];
        bench.say(`run ${run} of ${bench.runs}  ${server.name}  ${inWords(figures)}`);
      } catch (fault) {
        if (bench.signal.aborted || !(isWeirError(fault) || isSystemFault(fault))) throw fault;
        notes.push(`${server.name} failed in run ${run}: ${fault.message}`);
        bench.say(notes.at(-1)!);
        failed.push(server.name);
        left = left.filter((other) => other !== server);
      }
    }
  }
  const medians = Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, mediansOf(all)]));
  return { runs, medians, notes, failed };
}

async function oneRun(
  bench: Bench,
  server: ServerUnderTest,
  measure: (server: RunningServer) => Promise<Figures>,
): Promise<Figures> {
  const directory = bench.directory();
  const running = await server.start(bench, directory);
  try {
    return await measure(running);
  } finally {
    await running.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function isSystemFault(fault: unknown): fault is NodeJS.ErrnoException {
  return fault instanceof Error && 'code' in fault;
}

function inWords(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${rounded(value)}`)
    .join('  ');
}

export function rounded(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
