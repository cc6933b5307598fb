import { Pace } from './pace.ts';
import type { HttpClient } from './servers/http-client.ts';
import type { Batch } from './workload.ts';

/** Posts all batches, so many at a time, and answers when each has its 2xx. */
export async function postLines(
  client: HttpClient,
  batches: Batch[],
  parallel: number,
  signal: AbortSignal,
  ratePerS = Number.POSITIVE_INFINITY,
): Promise<void> {
  const pace = new Pace(ratePerS);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < batches.length && !signal.aborted) {
      const { body, readings } = batches[next++];
      await pace.take(readings, signal);
      await client.text('POST', '/write?db=bench&precision=ms', body);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  signal.throwIfAborted();
}
