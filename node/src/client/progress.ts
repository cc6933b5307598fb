/**
 * How far each party has come, in memory that all threads share: the newest durable sequence, and for each shard
 * thread the newest that it applied. A question takes the durable sequence when it arrives and waits for it.
 */
export class Progress {
  readonly shared: SharedArrayBuffer;
  readonly #slots: BigInt64Array;

  constructor(threads: number, shared = new SharedArrayBuffer(8 * (1 + threads))) {
    this.shared = shared;
    this.#slots = new BigInt64Array(shared);
  }

  static over(shared: SharedArrayBuffer): Progress {
    return new Progress(shared.byteLength / 8 - 1, shared);
  }

  get durable(): number {
    return Number(Atomics.load(this.#slots, 0));
  }

  set durable(seq: number) {
    Atomics.store(this.#slots, 0, BigInt(seq));
  }

  applied(thread: number): number {
    return Number(Atomics.load(this.#slots, 1 + thread));
  }

  setApplied(thread: number, seq: number): void {
    Atomics.store(this.#slots, 1 + thread, BigInt(seq));
  }
}
