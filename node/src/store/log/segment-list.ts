export interface Segment {
  first: number;
  bytes: number;
  records: number;
  /** The clock of its first record; null before there is one. */
  startMs: number | null;
}

/**
 * The segments in order, and the newest durable record. A segment owns the sequences from its first to the next
 * segment's first, whatever stands in it beyond: what was rejected when the log had to go on elsewhere never shows.
 */
export class SegmentList {
  readonly #segments: Segment[];
  /** Sequence of the newest durable record. */
  last: number;

  constructor(segments: Segment[], last: number) {
    this.#segments = segments;
    this.last = last;
  }

  get count(): number {
    return this.#segments.length;
  }

  get first(): number {
    return this.#segments[0].first;
  }

  get oldest(): Segment {
    return this.#segments[0];
  }

  /** The one that is written. */
  get active(): Segment {
    return this.#segments[this.#segments.length - 1];
  }

  firsts(): number[] {
    return this.#segments.map((segment) => segment.first);
  }

  bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  ownerOf(seq: number): number {
    let at = this.#segments.length - 1;
    while (at > 0 && this.#segments[at].first > seq) at--;
    return this.#segments[at].first;
  }

  /** The newest record that the segment owns; the one before its first when it is empty or forgotten. */
  lastOwned(first: number): number {
    const at = this.#segments.findIndex((segment) => segment.first === first);
    if (at < 0) return first - 1;
    return at === this.#segments.length - 1 ? this.last : this.#segments[at + 1].first - 1;
  }

  begin(first: number): void {
    this.#segments.push({ first, bytes: 0, records: 0, startMs: null });
  }

  forgetOldest(): void {
    this.#segments.shift();
  }
}
