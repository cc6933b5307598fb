import type { AccumulatorKind } from '../contract/measures/kinds.ts';
import { QuantileSketch } from '../contract/measures/sketch/quantile-sketch.ts';
import type { SketchAccount } from '../contract/measures/sketch/sketch-account.ts';
import { TopSketch } from '../contract/measures/sketch/top-sketch.ts';
import { UniqueSketch } from '../contract/measures/sketch/unique-sketch.ts';

type Sketch = QuantileSketch | UniqueSketch | TopSketch;

/** An object with its fields and its place in the pool, as measured. */
const SKETCH_BYTES = 120;

/**
 * The sketches of one accumulator, numbered from 1 as slots first need them; a slot without a value has none. How large
 * one can become is said where its kind is.
 */
export class SketchPool {
  readonly kind: AccumulatorKind;
  readonly account: SketchAccount = { bytes: 0 };
  readonly sketches: Sketch[] = [];

  constructor(kind: AccumulatorKind) {
    this.kind = kind;
  }

  /** The number of a new one. */
  add(): number {
    this.account.bytes += SKETCH_BYTES;
    this.sketches.push(this.#make());
    return this.sketches.length;
  }

  #make(): Sketch {
    if (this.kind === 'quantiles') return new QuantileSketch(this.account);
    return this.kind === 'uniques' ? new UniqueSketch(this.account) : new TopSketch(this.account);
  }

  encode(number: number): Uint8Array | null {
    return number === 0 ? null : this.sketches[number - 1].encode();
  }
}
