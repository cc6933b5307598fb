import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { HttpClient } from './servers/http-client.ts';

/** What the thread is given, and what it answers when it is told to stop. */
export interface AskerTask {
  base: string;
  paths: string[];
  pauseMs: number;
}

/**
 * Asks for pages by turns in a thread of its own: in the generator's thread a question would wait for frames to be
 * written, and that wait would look like the server's.
 */
async function askUntilStopped({ base, paths, pauseMs }: AskerTask): Promise<Float64Array> {
  const client = new HttpClient(base);
  const stop = new AbortController();
  parentPort!.once('message', () => stop.abort());
  const us: number[] = [];
  for (let page = 0; !stop.signal.aborted; page++) {
    const askedMs = performance.now();
    await client.text('GET', paths[page % paths.length]);
    us.push((performance.now() - askedMs) * 1000);
    await delay(pauseMs);
  }
  client.close();
  return Float64Array.from(us);
}

if (parentPort !== null) parentPort.postMessage(await askUntilStopped(workerData as AskerTask));
