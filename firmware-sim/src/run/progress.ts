import { Latency } from '../send/latency.ts';
import type { Sender } from '../send/sender.ts';

/** How far a run is: counts since the start; rates and latencies of the last second, or of all in the last sample. */
export interface SimSample {
  seconds: number;
  sent: number;
  acked: number;
  sentReadings: number;
  ackedReadings: number;
  readingsPerSecond: number;
  p50Ms: number | null;
  p99Ms: number | null;
  maxMs: number;
  reconnects: number;
  /** Where the world's time is, epoch ms. */
  worldMs: number;
}

const EVERY_MS = 1_000;

/** Samples a sender each second. */
export class Progress {
  worldMs = 0;
  readonly #sender: Sender;
  readonly #startedMs = performance.now();
  readonly #all = new Latency();
  readonly #timer: NodeJS.Timeout;
  #lastMs = this.#startedMs;
  #lastReadings = 0;

  constructor(sender: Sender, onSample: (sample: SimSample) => void) {
    this.#sender = sender;
    this.#timer = setInterval(() => {
      onSample(this.#lately());
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Over the whole run. */
  total(): SimSample {
    this.#lately();
    const seconds = (performance.now() - this.#startedMs) / 1000;
    return this.#sample(this.#all, this.#sender.counts().ackedReadings / seconds);
  }

  #lately(): SimSample {
    const recent = new Latency();
    this.#sender.takeLatency(recent);
    this.#all.add(recent);
    const nowMs = performance.now();
    const { ackedReadings } = this.#sender.counts();
    const rate = ((ackedReadings - this.#lastReadings) * 1000) / Math.max(1, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.#lastReadings = ackedReadings;
    return this.#sample(recent, rate);
  }

  #sample(latency: Latency, readingsPerSecond: number): SimSample {
    return {
      seconds: Math.round(performance.now() - this.#startedMs) / 1000,
      ...this.#sender.counts(),
      readingsPerSecond: Math.round(readingsPerSecond),
      p50Ms: latency.percentileMs(0.5),
      p99Ms: latency.percentileMs(0.99),
      maxMs: latency.maxMs,
      worldMs: this.worldMs,
    };
  }
}
