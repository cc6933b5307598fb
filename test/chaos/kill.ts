import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Appliance } from '../product/appliance.ts';
import { seeded } from '../product/readings.ts';
import { type CutResult, cutLoop, numberOption } from './cut-loop.ts';

/** Checkpoints every so many readings, so that kills fall into them and into the folding of runs. */
export const OFTEN = ['--checkpoint', '500'];

/** Row 8: kill -9 under load, again and again, on the whole product over one data directory. */
export async function killProduct(
  most: { times: number; minutes?: number },
  random: () => number,
  progress: (line: string) => void,
): Promise<CutResult> {
  const data = await mkdtemp(join(tmpdir(), 'weir-kill-product-'));
  try {
    const start = () => Appliance.start({ data, more: OFTEN });
    return await cutLoop({ start, cut: (appliance) => appliance.kill() }, most, random, progress);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const seed = numberOption('seed', 1 + Math.floor(Math.random() * 2 ** 31));
  const times = numberOption('times', 500);
  const minutes = numberOption('minutes', 24 * 60);
  process.stderr.write(`seed ${seed}\n`);
  const result = await killProduct({ times, minutes }, seeded(seed), (line) =>
    process.stderr.write(`${line}\n`),
  );
  process.stdout.write(`${JSON.stringify({ seed, ...result })}\n`);
  process.exitCode = result.wrong.length === 0 && result.lost === 0 ? 0 : 1;
}
