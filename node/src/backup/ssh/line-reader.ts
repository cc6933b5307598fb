import type { Readable } from 'node:stream';

/** Lines are names with numbers, or what went wrong. */
const MAX_LINE_BYTES = 16 * 1024;
/** What comes unasked waits on the line; the largest piece fits. */
const MAX_HELD_BYTES = 80 * 1024 * 1024;

/** Lines and exact counts of bytes out of one stream, one behind the other. */
export class LineReader {
  #held: Buffer[] = [];
  #bytes = 0;
  #isEnded = false;
  readonly #stream: Readable;
  #wake: () => void = () => {};

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#held.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes > MAX_HELD_BYTES) stream.pause();
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) stream.on(event, () => this.end());
  }

  /** Nothing more comes. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Null when the stream ends first, or what comes is no line. */
  async line(): Promise<string | null> {
    for (;;) {
      const all = this.#whole();
      const at = all.indexOf(10);
      if (at >= 0) return this.#take(at + 1).toString('utf8', 0, at);
      if (this.#isEnded || all.length > MAX_LINE_BYTES) return null;
      await this.#more();
    }
  }

  /** What there is, where the stream ends first. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#bytes < count && !this.#isEnded) await this.#more();
    return this.#take(Math.min(count, this.#bytes));
  }

  #take(count: number): Buffer {
    const all = this.#whole();
    this.#held = [all.subarray(count)];
    this.#bytes = all.length - count;
    return all.subarray(0, count);
  }

  #whole(): Buffer {
    if (this.#held.length !== 1) this.#held = [Buffer.concat(this.#held)];
    return this.#held[0];
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#stream.resume();
    });
  }
}
