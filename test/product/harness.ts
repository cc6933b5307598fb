import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { Appliance, type StartOptions } from './appliance.ts';

/** What the tests start and make is ended and removed when the file's tests are done, whatever they came to. */
const undo: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

export function finallyDo(step: () => Promise<unknown>): void {
  undo.push(step);
}

export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-product-'));
  finallyDo(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Starts an appliance, over a directory of its own unless one is given, and waits until it is ready. */
export async function appliance(options: Partial<StartOptions> = {}): Promise<Appliance> {
  const started = await Appliance.start({ ...options, data: options.data ?? (await temporaryDir()) });
  finallyDo(() => started.kill());
  if (options.open !== false) await started.ready();
  return started;
}
