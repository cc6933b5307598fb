import { join } from 'node:path';
import { type Bench, type BenchDefinition, type Figures, mediansOf, type Outcome, ratio } from './bench.ts';
import { sourceFile } from './entry.ts';
import { Child } from './servers/child.ts';

const SCRIPT = join('node', 'src', 'engine', 'engine.bench.ts');
const KEYS = { 'engine 10k': 10_000, 'engine 1M': 1_000_000 };

/** The engine alone, in one thread and without disk or network: what a reading costs when nothing else does. */
export const engineBench: BenchDefinition = {
  name: 'engine',
  summary: 'the engine alone in one thread, at 10k and 1M meters by turns',
  async run(bench: Bench): Promise<Outcome> {
    const script = sourceFile(SCRIPT);
    if (script === null)
      return {
        runs: {},
        medians: {},
        ratios: [],
        failed: [],
        notes: ['It needs a checkout of the sources.'],
      };
    const runs: Record<string, Figures[]> = {};
    for (let run = 1; run <= bench.runs; run++) {
      for (const [name, keys] of Object.entries(KEYS)) {
        const figures = await measure(bench, script, Math.round(keys * Math.min(1, bench.scale)));
        runs[name] = [...(runs[name] ?? []), figures];
        bench.say(`run ${run} of ${bench.runs}  ${name}  ${figures.nsPerReading} ns a reading`);
      }
    }
    const medians = Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, mediansOf(all)]));
    const { 'engine 10k': few, 'engine 1M': many } = medians;
    return {
      runs,
      medians,
      notes: [],
      failed: [],
      ratios: [
        ratio('CPU a reading at 1M, of that at 10k', many.nsPerReading, few.nsPerReading, { atMost: 2.5 }),
      ],
    };
  },
};

async function measure(bench: Bench, script: string, keys: number): Promise<Figures> {
  const child = new Child(process.execPath, [script, String(keys)]);
  const end = (): void => void child.kill();
  bench.signal.addEventListener('abort', end);
  try {
    const text = await child.output();
    bench.signal.throwIfAborted();
    return {
      nsPerReading: figure(text, /apply, known keys\s+([\d.]+) ns/),
      nsPerNewKey: figure(text, /keys that are new\s+([\d.]+) ns/),
      bytesPerSeries: figure(text, /without history\s+([\d.]+) bytes/),
    };
  } finally {
    bench.signal.removeEventListener('abort', end);
    await child.stop();
  }
}

function figure(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}
