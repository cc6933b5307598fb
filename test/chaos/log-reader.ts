import { closeSync, openSync } from 'node:fs';
import { openEmbeddedLog } from '../../node/src/store/log/embedded-log.ts';
import { CHAOS_LOG, chaosRecord } from './log-records.ts';

/**
 * Two questions about a log under hardship, answered as JSON on stdout.
 * `slow DIR`: how long reads take while each sync takes its time (row 13).
 * `fds DIR`: what happens when no file descriptor is left, and afterwards (row 21).
 */
const [mode, dir] = process.argv.slice(2);
const log = await openEmbeddedLog({
  dir,
  reserveBytes: 0,
  retryMs: 20,
  ...CHAOS_LOG,
  segmentBytes: 256 * 1024,
});
const find = { stream: 'electricity', from: 0, to: 4e12, keyHash: 7, order: 'desc' as const, limit: 10 };

async function codeOf(step: () => Promise<unknown>): Promise<string> {
  try {
    await step();
    return 'ok';
  } catch (fault) {
    return fault instanceof Error && 'code' in fault ? String(fault.code) : String(fault);
  }
}

async function readAll(): Promise<void> {
  for await (const { seq, bytes } of log.read(1))
    if (bytes === null) throw new Error(`record ${seq} is damaged`);
}

async function slow(): Promise<object> {
  const took: number[] = [];
  let syncMs = 0;
  let appending = true;
  const { last } = log.bounds();
  const appends = (async () => {
    for (let seq = last + 1; seq <= last + 4; seq++) {
      const startedMs = performance.now();
      await log.append(chaosRecord(seq));
      syncMs = Math.max(syncMs, performance.now() - startedMs);
    }
    appending = false;
  })();
  while (appending) {
    for (const ask of [() => log.get(1 + (took.length % last)), () => log.find(find)]) {
      const startedMs = performance.now();
      await ask();
      took.push(performance.now() - startedMs);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await appends;
  took.sort((a, b) => a - b);
  return { syncMs, reads: took.length, readMsP99: took[Math.floor(took.length * 0.99)] };
}

function takeAllDescriptors(taken: number[]): void {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch (fault) {
    if (!(fault instanceof Error && 'code' in fault && fault.code === 'EMFILE')) throw fault;
  }
}

async function withoutDescriptors(): Promise<object> {
  const taken: number[] = [];
  takeAllDescriptors(taken);
  const { last } = log.bounds();
  const during: string[] = [await codeOf(readAll)];
  // Enough to need a new segment, which needs descriptors.
  for (let seq = last + 1; seq <= last + 60 && during.length < 3; seq++) {
    // The log gives up descriptors of its own when it has to: they are taken away as well.
    takeAllDescriptors(taken);
    const code = await codeOf(() => log.append(chaosRecord(seq)));
    if (code !== 'ok') during.push(code, log.stats().state);
  }
  for (const fd of taken) closeSync(fd);
  while (log.stats().state !== 'ok') await new Promise((resolve) => setTimeout(resolve, 5));
  const next = log.bounds().last + 1;
  const after = [await codeOf(readAll), await codeOf(() => log.append(chaosRecord(next)))];
  return { taken: taken.length, during, after };
}

process.stdout.write(`${JSON.stringify(mode === 'slow' ? await slow() : await withoutDescriptors())}\n`);
await log.close();
