import { parseArgs } from 'node:util';
import type { ReplayReport } from './sim-replay.ts';
import { simulate } from './simulate.ts';

/**
 * `node test/sim/run.ts --seeds 10000 [--from N]` simulates that many boards; `--seed N` one, with every step told;
 * `--judged` with registers whose steps are judged.
 * The exit status is 1 when a seed fails, and its number is the way back to it.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string' },
    seed: { type: 'string' },
    judged: { type: 'boolean', default: false },
  },
});
const { judged } = values;

async function one(seed: number): Promise<void> {
  const report = await simulate({ seed, judged, trace: (step) => console.log(step) });
  console.log(JSON.stringify(report));
}

async function many(from: number, count: number): Promise<void> {
  const sum = {
    seeds: 0,
    steps: 0,
    records: 0,
    readings: 0,
    crashes: 0,
    replays: {} as Partial<ReplayReport>,
    failed: [] as number[],
  };
  const began = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    try {
      const { steps, records, readings, crashes, replays } = await simulate({ seed, judged });
      sum.steps += steps;
      sum.records += records;
      sum.readings += readings;
      sum.crashes += crashes;
      for (const what of Object.keys(replays) as (keyof ReplayReport)[])
        sum.replays[what] = (sum.replays[what] ?? 0) + replays[what];
    } catch (fault) {
      sum.failed.push(seed);
      console.error(`seed ${seed} fails: ${fault instanceof Error ? fault.message : String(fault)}`);
      console.error(`  again: node test/sim/run.ts ${judged ? '--judged ' : ''}--seed ${seed}`);
    }
    sum.seeds++;
    if (sum.seeds % 1000 === 0) console.error(`${sum.seeds} seeds, ${sum.failed.length} failed`);
    if (sum.failed.length >= 20) break;
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(
    JSON.stringify({ ...sum, seconds: Math.round(seconds), msPerSeed: (1000 * seconds) / sum.seeds }),
  );
  if (sum.failed.length > 0) process.exitCode = 1;
}

if (values.seed !== undefined) await one(Number(values.seed));
else await many(Number(values.from ?? 1), Number(values.seeds ?? 300));
