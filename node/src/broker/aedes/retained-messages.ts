import type { Gate } from '../gate.ts';
import { BROKER_LIMITS } from '../limits.ts';
import { levelsMatch } from '../topics.ts';
import { type StoredMessage, writeMessage } from './message-bytes.ts';
import { KEYS, type SessionDisk } from './session-disk.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The newest retained message of each topic, bounded by count and bytes [45]. */
export class RetainedMessages {
  readonly #disk: SessionDisk | null;
  readonly #messages = new Map<string, StoredMessage>();
  #bytes = 0;

  constructor(disk: SessionDisk | null) {
    this.#disk = disk;
  }

  /** Whether there is room; an empty payload removes and always fits. */
  fits(topic: string, payloadBytes: number): boolean {
    if (payloadBytes === 0) return true;
    if (payloadBytes > BROKER_LIMITS.retainedMessageBytes) return false;
    const known = this.#messages.get(topic);
    const count = this.#messages.size + (known ? 0 : 1);
    const bytes = this.#bytes + payloadBytes + topic.length - (known ? messageBytes(known) : 0);
    return count <= BROKER_LIMITS.retainedCount && bytes <= BROKER_LIMITS.retainedBytes;
  }

  store(packet: StoredMessage): void {
    const known = this.#messages.get(packet.topic);
    if (known) this.#bytes -= messageBytes(known);
    if (packet.payload.length === 0) {
      this.#messages.delete(packet.topic);
      if (known) this.#disk?.remove(KEYS.retained(packet.topic));
      return;
    }
    const kept: StoredMessage = Object.assign({}, packet);
    this.restore(kept);
    this.#disk?.put(KEYS.retained(packet.topic), writeMessage(kept));
  }

  restore(message: StoredMessage): void {
    this.#messages.set(message.topic, message);
    this.#bytes += messageBytes(message);
  }

  /** Looks at a bounded number of messages in one turn of the loop [44], and waits for a client that reads slowly. */
  async *match(patterns: string[], gate: Gate | null): AsyncGenerator<StoredMessage> {
    const filters = patterns.map((pattern) => pattern.split('/'));
    const exact = patterns.every((pattern) => !/[+#]/.test(pattern));
    const found = exact
      ? patterns.flatMap((topic) => this.#messages.get(topic) ?? [])
      : this.#messages.values();
    let looks = 0;
    for (const message of found) {
      looks += filters.length;
      if (looks >= BROKER_LIMITS.retainedPerTurn) {
        looks = 0;
        await turn();
      }
      const levels = message.topic.split('/');
      if (!exact && !filters.some((filter) => levelsMatch(filter, levels))) continue;
      if (gate && !(await canTakeMore(gate))) return;
      yield message;
    }
  }
}

/** Waits until a client has read what it was sent; false when it has gone. */
export async function canTakeMore(gate: Gate): Promise<boolean> {
  while (!gate.destroyed && gate.unreadBytes > BROKER_LIMITS.unreadBytes / 2) await gate.drained();
  return !gate.destroyed;
}

function messageBytes(message: StoredMessage): number {
  return message.topic.length + message.payload.length;
}
