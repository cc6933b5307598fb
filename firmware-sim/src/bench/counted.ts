import { WeirError } from '@weir/node/contract';
import type { Bench } from './bench.ts';
import type { RunningServer } from './servers/server.ts';
import { waitFor } from './wait-for.ts';

const WITHIN_MS = 120_000;

/** Waits until a query sees so many readings: at once for a broker, which counts nothing. More than were sent is a fault. */
export async function counted(bench: Bench, server: RunningServer, readings: number): Promise<void> {
  let seen = 0;
  const asks = async (): Promise<boolean> => {
    seen = await server.counted();
    return seen >= readings;
  };
  await waitFor(`${server.name} to count ${readings}`, asks, { withinMs: WITHIN_MS, signal: bench.signal });
  if (Number.isFinite(seen) && seen > readings)
    throw new WeirError('WEIR_STORE_DAMAGED', `${server.name} counts ${seen} readings of ${readings}.`);
}
