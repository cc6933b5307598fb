import type { HttpClient } from './servers/http-client.ts';
import type { Batch } from './workload.ts';

/** Posts all batches, so many at a time, and answers when each has its 2xx. */
export async function postLines(
  client: HttpClient,
  batches: Batch[],
  parallel: number,
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < batches.length && !signal.aborted) {
      await client.text('POST', '/write?db=bench&precision=ms', batches[next++].body);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  signal.throwIfAborted();
}
