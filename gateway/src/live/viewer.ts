import type { ServerResponse } from 'node:http';

/** One open event stream. What it has not read waits in the socket, up to a bound, past which it is dropped. */
export class Viewer {
  readonly #response: ServerResponse;
  readonly #maxBytes: number;

  constructor(response: ServerResponse, maxBytes: number) {
    this.#response = response;
    this.#maxBytes = maxBytes;
  }

  /** False when the viewer was dropped. */
  send(text: string): boolean {
    if (this.#response.destroyed) return false;
    if (this.#response.writableLength > this.#maxBytes) {
      // Nothing is held back for a viewer that lags: it reconnects and asks for the state as it is then.
      this.#response.destroy();
      return false;
    }
    this.#response.write(text);
    return true;
  }

  end(): void {
    this.#response.end();
  }
}
