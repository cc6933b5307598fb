/**
 * Latencies in buckets of 1/32 of their power of two (3 % error), as HDR histograms do: 7 kB, constant time.
 */
const SUB_BITS = 5;
const SUB = 1 << SUB_BITS;
const BUCKETS = (32 - SUB_BITS + 1) * SUB;

export class Latency {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #maxUs = 0;

  /** HOT. Takes microseconds; what is longer than 71 minutes counts as that. */
  record(us: number): void {
    const value = us < 0 ? 0 : us > 0xffff_ffff ? 0xffff_ffff : us >>> 0;
    this.#counts[bucketOf(value)]++;
    this.#total++;
    if (value > this.#maxUs) this.#maxUs = value;
  }

  get total(): number {
    return this.#total;
  }

  get maxMs(): number {
    return this.#maxUs / 1000;
  }

  /** Milliseconds that this share of the records does not pass; null without records. */
  percentileMs(share: number): number | null {
    if (this.#total === 0) return null;
    let left = Math.ceil(this.#total * share);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket];
      if (left <= 0) return Math.min(highestOf(bucket), this.#maxUs) / 1000;
    }
    return this.maxMs;
  }

  add(other: Latency): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#counts[bucket] += other.#counts[bucket];
    this.#total += other.#total;
    this.#maxUs = Math.max(this.#maxUs, other.#maxUs);
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#maxUs = 0;
  }
}

function bucketOf(value: number): number {
  const magnitude = 31 - Math.clz32(value | (SUB - 1));
  const shift = magnitude - SUB_BITS + 1;
  return shift * (SUB / 2) + (value >>> shift);
}

/** The greatest value that falls into the bucket. */
function highestOf(bucket: number): number {
  const shift = bucket < SUB ? 0 : Math.floor(bucket / (SUB / 2)) - 1;
  const sub = bucket - shift * (SUB / 2);
  return (sub + 1) * 2 ** shift - 1;
}
