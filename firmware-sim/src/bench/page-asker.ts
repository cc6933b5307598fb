import { once } from 'node:events';
import { setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { selfArgs } from '@weir/node/shipped';
import { Child } from './servers/child.ts';
import { HttpClient } from './servers/http-client.ts';

/** The benchmark's hidden first word for the process below. */
export const ASK_PAGES = 'ask-pages';

interface AskerTask {
  base: string;
  paths: string[];
  pauseMs: number;
}

/**
 * Latencies, in microseconds, of pages that are asked for by turns until the signal. The questions come from a process
 * of their own: in the generator's a question would wait for frames to be written, and look like the server's wait.
 */
export async function askPages(task: AskerTask, signal: AbortSignal): Promise<number[]> {
  const child = new Child(process.execPath, [...selfArgs(), 'bench', ASK_PAGES, JSON.stringify(task)]);
  const stop = (): void => void child.process.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    return JSON.parse(await child.output()) as number[];
  } finally {
    signal.removeEventListener('abort', stop);
    await child.stop();
  }
}

/** That process: asks until it is told to end, then prints what it measured. */
export async function pageAsker(json: string): Promise<number> {
  const { base, paths, pauseMs } = JSON.parse(json) as AskerTask;
  // Viewers sit before machines of their own: here they must not wait for the load to give them a processor.
  if (process.getuid?.() === 0) setPriority(-5);
  let stopped = false;
  void once(process, 'SIGTERM').then(() => {
    stopped = true;
  });
  const client = new HttpClient(base);
  const us: number[] = [];
  for (let page = 0; !stopped; page++) {
    const askedMs = performance.now();
    await client.text('GET', paths[page % paths.length]);
    us.push(Math.round((performance.now() - askedMs) * 1000));
    await delay(pauseMs);
  }
  client.close();
  process.stdout.write(JSON.stringify(us));
  return 0;
}
