/** Time that only moves forward, and what is to happen later. Handed in, so that a test owns the order of all steps. */
export interface Timers {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Runs once; answers how to call it off. */
  after(ms: number, run: () => void): () => void;
  /** Runs again and again, without keeping the process alive; answers how to call it off. */
  every(ms: number, run: () => void): () => void;
  /** Runs once what is under way now has ended. */
  soon(run: () => void): void;
}

export const SYSTEM_TIMERS: Timers = Object.freeze({
  nowMs: () => performance.now(),
  after: (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every: (ms: number, run: () => void) => {
    const timer = setInterval(run, ms).unref();
    return () => clearInterval(timer);
  },
  soon: (run: () => void) => void setImmediate(run),
});
