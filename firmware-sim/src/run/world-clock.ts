/**
 * The world's time against the wall's: it begins in the past, goes `speed` times as fast, and is never ahead of now.
 * A board sets a reading from the future aside, so a simulator must not make one by being fast.
 */
export class WorldClock {
  readonly #fromMs: number;
  readonly #speed: number;
  readonly #startedMs: number;
  readonly #wall: () => number;

  constructor(fromMs: number, speed: number, wall: () => number = Date.now) {
    this.#fromMs = fromMs;
    this.#speed = speed;
    this.#wall = wall;
    this.#startedMs = wall();
  }

  now(): number {
    const wall = this.#wall();
    if (this.#speed === Number.POSITIVE_INFINITY) return wall;
    return Math.min(wall, this.#fromMs + (wall - this.#startedMs) * this.#speed);
  }

  /** Real milliseconds until the world's time is `ms`; 0 if it is already. */
  untilMs(ms: number): number {
    const now = this.now();
    if (ms <= now) return 0;
    const catchingUp = this.#speed > 1 && now < this.#wall();
    return catchingUp ? (ms - now) / this.#speed : ms - now;
  }
}
