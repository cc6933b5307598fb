import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** A process of its own, whose collections are counted, and how busy it was when the first one was asked for. */
const SCRIPT = `
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { settleThread } from '${join(import.meta.dirname, 'settle-thread.ts')}';
let turns = 0;
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries())
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) process.stdout.write(String(turns), () => process.exit(0));
}).observe({ entryTypes: ['gc'] });
settleThread(200);
const busy = () => {
  const until = performance.now() + 10;
  while (performance.now() < until);
  if (++turns < 40) setImmediate(busy);
};
busy();
setInterval(() => {}, 1_000);
`;

test('a thread that works is left alone, and collects when it has become idle', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '--eval',
    SCRIPT,
  ]);
  expect(stdout).toMatch(/^(?:40)+$/);
}, 120_000);
