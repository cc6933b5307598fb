const WINDOW = 512;

/** How long the last syncs took: a disk that begins to fail shows here first. */
export class FsyncWindow {
  readonly #durationsMs = new Float64Array(WINDOW);
  #count = 0;

  add(durationMs: number): void {
    this.#durationsMs[this.#count++ % WINDOW] = durationMs;
  }

  p99(): number {
    if (this.#count === 0) return 0;
    const sorted = this.#durationsMs.slice(0, Math.min(this.#count, WINDOW)).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))];
  }
}
