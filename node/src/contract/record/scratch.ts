/**
 * Arrays for what lives only while one record is decoded. Every record needs the same few, and fresh ones would cost
 * more than filling them: they are lent in turn and taken back all at once. Bounded by the largest record.
 */
export class Scratch<T extends Float64Array | Uint32Array | Uint8Array> {
  readonly #make: (length: number) => T;
  readonly #arrays: T[] = [];
  #lent = 0;

  constructor(make: (length: number) => T) {
    this.#make = make;
  }

  /** At least so long; what it holds is left over from another use. */
  lend(length: number): T {
    const at = this.#lent++;
    let array = this.#arrays[at];
    if (array === undefined || array.length < length) {
      array = this.#make(Math.max(1024, 2 ** Math.ceil(Math.log2(Math.max(1, length)))));
      this.#arrays[at] = array;
    }
    return array;
  }

  takeBack(): void {
    this.#lent = 0;
  }
}

export const floats = new Scratch((length) => new Float64Array(length));
export const integers = new Scratch((length) => new Uint32Array(length));
export const bytes = new Scratch((length) => new Uint8Array(length));

export function takeBackAll(): void {
  floats.takeBack();
  integers.takeBack();
  bytes.takeBack();
}
