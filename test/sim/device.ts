import type { Draw } from './draw.ts';
import type { Message } from './traffic.ts';

/** A device with a QoS 1 client: what was not acknowledged is sent again after the connection broke. */
export class Device {
  #queue: Message[];
  readonly #inFlight = new Set<Message>();
  /** Sent and acknowledged: a device that lost its memory sends some of it again. */
  readonly #done: Message[] = [];

  constructor(messages: Message[]) {
    this.#queue = messages.slice();
  }

  get atRest(): boolean {
    return this.#queue.length === 0 && this.#inFlight.size === 0;
  }

  nextMs(): number {
    return this.#queue.length === 0 ? Number.POSITIVE_INFINITY : this.#queue[0].readyMs;
  }

  /** What it sends now: mostly the oldest, sometimes one that overtakes it. */
  take(nowMs: number, draw: Draw): Message {
    let at = 0;
    if (draw.chance(0.2))
      while (at + 1 < this.#queue.length && this.#queue[at + 1].readyMs <= nowMs && draw.chance(0.5)) at++;
    const [message] = this.#queue.splice(at, 1);
    this.#inFlight.add(message);
    return message;
  }

  /** Refused for now. */
  putBack(message: Message): void {
    if (this.#inFlight.delete(message)) this.#queue.unshift(message);
  }

  acked(message: Message): void {
    this.#inFlight.delete(message);
    this.#done.push(message);
  }

  /** The connection broke: nobody knows what became of what was under way. */
  reconnect(): void {
    this.#queue = [...this.#inFlight, ...this.#queue];
    this.#inFlight.clear();
  }

  /** Sends something again that was acknowledged already. */
  repeat(draw: Draw): Message | null {
    if (this.#done.length === 0) return null;
    const message = draw.of(this.#done);
    this.#queue.unshift(message);
    return message;
  }
}
