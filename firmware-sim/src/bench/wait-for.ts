import { setTimeout as delay } from 'node:timers/promises';
import { WeirError } from '@weir/node/contract';

/** Asks until the answer is yes; says what it waited for when it never is. */
export async function waitFor(
  what: string,
  asks: () => Promise<boolean> | boolean,
  bound: { withinMs: number; everyMs?: number; signal?: AbortSignal },
): Promise<void> {
  const end = performance.now() + bound.withinMs;
  for (;;) {
    bound.signal?.throwIfAborted();
    if (await asks()) return;
    if (performance.now() > end)
      throw new WeirError('WEIR_UNREACHABLE', `Waited ${bound.withinMs / 1000} s in vain for ${what}.`);
    await delay(bound.everyMs ?? 20);
  }
}
