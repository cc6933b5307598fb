/** A reading of the tests' stream. `kwh` and `used` are in thousandths, so that the oracle's sums are exact. */
export interface Reading {
  meter: string;
  ts: number;
  kwh: number;
  used: number;
  state: string;
}

export const STATES = ['NY', 'CA', 'TX', 'WA'];
export const MINUTE_MS = 60_000;

export function idOf({ meter, ts }: Reading): string {
  return `${meter} ${ts}`;
}

export function bodyOf({ meter, ts, kwh, used, state }: Reading): object {
  return { meter, ts, kwh: kwh / 1000, used: used / 1000, state };
}

/** As a meter sends it. */
export function single(reading: Reading): { topic: string; payload: string } {
  return { topic: `meters/${reading.meter}/electricity`, payload: JSON.stringify(bodyOf(reading)) };
}

/** As a concentrator sends those of many meters. */
export function pack(readings: Reading[], concentrator = 'c1'): { topic: string; payload: string } {
  return { topic: `packs/${concentrator}/electricity`, payload: JSON.stringify(readings.map(bodyOf)) };
}

/** Repeatable numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(list: T[], random: () => number): T[] {
  const out = [...list];
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [out[at], out[other]] = [out[other], out[at]];
  }
  return out;
}

/** Meters that beat about once a second of event time, each with a register that only grows. */
export class Meters {
  readonly #random: () => number;
  readonly #names: string[];
  readonly #ts: number[];
  readonly #kwh: number[];

  constructor(count: number, fromMs: number, random: () => number, prefix = 'm') {
    this.#random = random;
    this.#names = Array.from({ length: count }, (_, at) => `${prefix}${at}`);
    this.#ts = this.#names.map(() => fromMs + Math.floor(random() * 1_000));
    this.#kwh = this.#names.map(() => Math.floor(random() * 100_000));
  }

  next(): Reading {
    const at = Math.floor(this.#random() * this.#names.length);
    const used = Math.floor(this.#random() * 100);
    this.#ts[at] += 700 + Math.floor(this.#random() * 800);
    this.#kwh[at] += used;
    const state = STATES[at % STATES.length];
    return { meter: this.#names[at], ts: this.#ts[at], kwh: this.#kwh[at], used, state };
  }

  take(count: number): Reading[] {
    return Array.from({ length: count }, () => this.next());
  }
}
