import { randomFrom } from '../../firmware-sim/src/utility/random.ts';

/** Every choice of a simulation, from its seed. */
export class Draw {
  readonly #next: () => number;

  constructor(seed: string) {
    this.#next = randomFrom(seed);
  }

  chance(share: number): boolean {
    return this.#next() < share;
  }

  /** A whole number from `from` up to and without `to`. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.#next() * (to - from));
  }

  of<T>(some: readonly T[]): T {
    return some[this.whole(0, some.length)];
  }

  /** An index, as often as its weight says. */
  weighted(weights: readonly number[]): number {
    let at = this.#next() * weights.reduce((sum, weight) => sum + weight, 0);
    for (let index = 0; index < weights.length; index++) {
      at -= weights[index];
      if (at < 0) return index;
    }
    return weights.length - 1;
  }
}
