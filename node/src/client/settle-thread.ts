import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_EVERY_MS = 10_000;
/** Of the time between two looks. */
const IDLE = 0.02;
const BUSY = 0.2;

/**
 * Gives back what only the start, or a busy hour, has needed. V8 keeps pages for what may come, and does not look for what it
 * could let go where nothing happens: 20 MB over three threads. So a thread that has become idle collects once, thoroughly;
 * one that works is left alone, since that takes it 50 ms.
 */
export function settleThread(lookEveryMs: number = LOOK_EVERY_MS): void {
  let before = performance.eventLoopUtilization();
  let isSettled = false;
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    if (utilization > BUSY) isSettled = false;
    else if (utilization < IDLE && !isSettled) {
      isSettled = true;
      collect();
      // What that took is no work of the thread's.
      before = performance.eventLoopUtilization();
    }
  }, lookEveryMs);
  timer.unref();
}

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as Collect;
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
