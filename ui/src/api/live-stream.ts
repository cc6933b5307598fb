import type { LiveChange } from '@weir/node/contract';

export interface LiveListener {
  /** Each time that the stream opens: what changed before is not told, so it has to be asked for. */
  onOpen(): void;
  onChange(change: LiveChange): void;
  /** `retryInMs` is for the words on the page. */
  onLost(retryInMs: number): void;
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/**
 * Heartbeats are comments, which a page cannot see. A stream without a change for this long may hang on a dead
 * connection, so it is opened anew, which costs one small question.
 */
const SILENCE_MS = 60_000;

/**
 * A stream that never gives up. EventSource stops for good after an answer that is no stream (a board that restarts,
 * a proxy), so each loss closes it and opens another after a pause that doubles, with jitter so that a wall of
 * screens does not return in one instant.
 */
export class LiveStream {
  readonly #path: string;
  readonly #listener: LiveListener;
  #source: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = FIRST_RETRY_MS;

  constructor(path: string, listener: LiveListener) {
    this.#path = path;
    this.#listener = listener;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #open(): void {
    const source = new EventSource(this.#path);
    this.#source = source;
    source.onopen = () => {
      this.#retryMs = FIRST_RETRY_MS;
      this.#awaitWords();
      this.#listener.onOpen();
    };
    source.onerror = () => this.#lose();
    source.addEventListener('change', (event: MessageEvent<string>) => {
      this.#awaitWords();
      this.#listener.onChange(JSON.parse(event.data) as LiveChange);
    });
  }

  #awaitWords(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#reopen(), SILENCE_MS);
  }

  #reopen(): void {
    this.close();
    this.#open();
  }

  #lose(): void {
    this.close();
    const waitMs = this.#retryMs * (0.75 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    this.#timer = setTimeout(() => this.#open(), waitMs);
    this.#listener.onLost(waitMs);
  }
}
