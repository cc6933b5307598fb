import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const WEIR = join(import.meta.dirname, '..', '..', 'weir.ts');
const TINY = ['--runs', '1', '--scale', '0.01', '--only', 'weir', '--json'];

interface Told {
  bench: string;
  failed: string[];
  notes: string[];
  medians: Record<string, Record<string, number>>;
}

/** Budgets are missed at this size and on a busy machine; that every acknowledged reading is counted once is not. */
test('the harness starts the product, loads it, and finds every reading counted, also after kill -9', async () => {
  const run = promisify(execFile)(process.execPath, [WEIR, 'bench', 'singles', 'packs', 'recovery', ...TINY]);
  const { stdout } = await run.catch((fault: { code: number; stdout: string; stderr: string }) => {
    expect(fault.code, fault.stderr).toBe(6);
    return fault;
  });
  const told = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
  expect(told.map(({ bench }) => bench)).toEqual(['singles', 'packs', 'recovery']);
  for (const { failed, notes, medians } of told) {
    expect(failed, notes.join('\n')).toEqual([]);
    for (const value of Object.values(medians.weir)) expect(value).toBeGreaterThanOrEqual(0);
  }
}, 120_000);
