import { setTimeout as delay } from 'node:timers/promises';

/** Lets so many readings a second pass, evenly; what could not be sent in time is made up for. */
export class Pace {
  readonly #perMs: number;
  readonly #startedMs = performance.now();
  #taken = 0;

  constructor(ratePerS: number) {
    this.#perMs = ratePerS / 1000;
  }

  /** Waits until these may go. */
  async take(readings: number, signal: AbortSignal): Promise<void> {
    this.#taken += readings;
    const dueMs = this.#startedMs + (this.#taken - readings) / this.#perMs;
    const waitMs = dueMs - performance.now();
    if (waitMs >= 1) await delay(waitMs, undefined, { signal });
  }
}
