import type { ServerResponse } from 'node:http';

/** One open event stream. What it has not read waits in the socket, up to a bound, past which it is dropped. */
export class Viewer {
  readonly #response: ServerResponse;
  readonly #maxBytes: number;
  /** What a board says at once, before the head of the answer is out; null from then on. */
  #early: string | null = '';

  constructor(response: ServerResponse, maxBytes: number) {
    this.#response = response;
    this.#maxBytes = maxBytes;
  }

  /** `dropped` is answered once; afterwards the viewer is `gone`, as is one that left by itself. */
  send(text: string): 'sent' | 'dropped' | 'gone' {
    if (this.#response.destroyed || this.#response.writableEnded) return 'gone';
    if (this.#response.writableLength > this.#maxBytes) {
      // Nothing is held back for a viewer that lags: it reconnects and asks for the state as it is then.
      this.#response.destroy();
      return 'dropped';
    }
    if (this.#early === null) this.#response.write(text);
    else this.#early += text;
    return 'sent';
  }

  /** After the head has been written. */
  open(greeting: string): void {
    this.#response.write(greeting + (this.#early ?? ''));
    this.#early = null;
  }

  end(): void {
    this.#response.end();
  }
}
