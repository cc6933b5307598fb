/** Records before the start that are looked through for set-aside messages: they are not indexed on disk. */
const LOOK_BACK_RECORDS = 2_000;
const RING = 4_096;

/**
 * Which records hold messages that were set aside: known since the start, and perhaps among the last ones before it.
 * Bounded; what is older is still in the log and in the ledger's counts.
 */
export class AsideRing {
  readonly #startSeq: number;
  #seqs: number[] = [];

  constructor(lastSeqAtStart: number) {
    this.#startSeq = lastSeqAtStart;
  }

  add(seq: number): void {
    this.#seqs.push(seq);
    if (this.#seqs.length > 2 * RING) this.#seqs = this.#seqs.slice(-RING);
  }

  /** Newest first. */
  candidates(firstSeq: number): number[] {
    const before: number[] = [];
    const end = Math.max(firstSeq, this.#startSeq - LOOK_BACK_RECORDS + 1, 1);
    for (let seq = this.#startSeq; seq >= end; seq--) before.push(seq);
    return [...this.#seqs.slice(-RING).reverse(), ...before];
  }
}
