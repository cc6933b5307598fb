import type { Beat } from '../utility/beats.ts';

/**
 * Orders beats by when they leave. Its input is ordered by when they were measured and none leaves before that, so a
 * beat can go once its time is not after the newest measurement. Holds what is delayed: rate × the longest delay.
 */
export function* inSendOrder(source: Iterable<Beat>): Generator<Beat, void, void> {
  const waiting = new BeatHeap();
  for (const beat of source) {
    while (waiting.nextMs() <= beat.dueMs) yield waiting.pop();
    if (beat.sendMs <= beat.dueMs) yield beat;
    else waiting.push(beat);
  }
  while (waiting.nextMs() < Number.POSITIVE_INFINITY) yield waiting.pop();
}

/** A binary heap by sending time; equal times leave in the order they came, so that the result is reproducible. */
class BeatHeap {
  #beats: Beat[] = [];
  #numbers: number[] = [];
  #pushed = 0;

  nextMs(): number {
    return this.#beats.length === 0 ? Number.POSITIVE_INFINITY : this.#beats[0].sendMs;
  }

  push(beat: Beat): void {
    let at = this.#beats.length;
    this.#beats.push(beat);
    this.#numbers.push(this.#pushed++);
    while (at > 0 && this.#before(at, (at - 1) >> 1)) {
      this.#swap(at, (at - 1) >> 1);
      at = (at - 1) >> 1;
    }
  }

  pop(): Beat {
    const first = this.#beats[0];
    this.#swap(0, this.#beats.length - 1);
    this.#beats.pop();
    this.#numbers.pop();
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#beats.length && this.#before(child, least)) least = child;
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #before(a: number, b: number): boolean {
    const difference = this.#beats[a].sendMs - this.#beats[b].sendMs;
    return difference < 0 || (difference === 0 && this.#numbers[a] < this.#numbers[b]);
  }

  #swap(a: number, b: number): void {
    [this.#beats[a], this.#beats[b]] = [this.#beats[b], this.#beats[a]];
    [this.#numbers[a], this.#numbers[b]] = [this.#numbers[b], this.#numbers[a]];
  }
}
