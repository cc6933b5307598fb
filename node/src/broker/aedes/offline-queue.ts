import { BROKER_LIMITS } from '../limits.ts';
import { type StoredMessage, writeMessage } from './message-bytes.ts';
import { KEYS, type SessionDisk } from './session-disk.ts';

/** A packet as the protocol library queues it: a publish, or the PUBREL that took its place. */
export type QueuedPacket = StoredMessage;

/** How the library tells its messages apart. */
interface Marked {
  brokerId?: string;
  brokerCounter?: number;
}

interface Entry {
  number: number;
  packet: QueuedPacket;
  bytes: number;
  queuedMs: number;
}

/** What an entry costs beside its topic and payload. */
const ENTRY_BYTES = 64;

/**
 * What waits for one client, in order. Bounded by count, bytes and age: past a bound the oldest message that is not
 * being delivered makes room; when all are, the new one is refused.
 */
export class OfflineQueue {
  readonly #clientId: string;
  readonly #disk: SessionDisk | null;
  /** By the library's own mark of a message, in order of arrival. */
  readonly #entries = new Map<string, Entry>();
  readonly #byMessageId = new Map<number, string>();
  #next = 1;
  bytes = 0;

  constructor(clientId: string, disk: SessionDisk | null) {
    this.#clientId = clientId;
    this.#disk = disk;
  }

  get count(): number {
    return this.#entries.size;
  }

  has(packet: Marked): boolean {
    return this.#entries.has(markOf(packet));
  }

  /** False when a message was lost to a bound, this one or an older one. */
  add(packet: QueuedPacket, qos: number, nowMs: number): boolean {
    const bytes = ENTRY_BYTES + packet.topic.length + packet.payload.length;
    this.expire(nowMs);
    const fits = this.#fits(bytes);
    if (!fits) this.#makeRoom(bytes);
    if (!this.#fits(bytes)) return false;
    this.#keep(markOf(packet), {
      number: this.#next++,
      bytes,
      queuedMs: nowMs,
      packet: {
        cmd: 'publish',
        brokerId: packet.brokerId,
        brokerCounter: packet.brokerCounter,
        topic: packet.topic,
        payload: packet.payload,
        qos: Math.min(qos, packet.qos),
        retain: false,
        dup: false,
        messageId: undefined,
      },
    });
    return fits;
  }

  #fits(bytes: number): boolean {
    return this.#entries.size < BROKER_LIMITS.queueCount && this.bytes + bytes <= BROKER_LIMITS.queueBytes;
  }

  /** Gives a message its identifier, or puts a PUBREL in the place of the message with that identifier. */
  update(packet: QueuedPacket): void {
    const own = markOf(packet);
    const known = this.#entries.get(own);
    if (known) {
      known.packet.messageId = packet.messageId;
      if (packet.messageId !== undefined) this.#byMessageId.set(packet.messageId, own);
      this.#save(own, known);
      return;
    }
    const mark = this.#byMessageId.get(packet.messageId ?? -1);
    const replaced = mark === undefined ? undefined : this.#entries.get(mark);
    if (mark === undefined || !replaced) return;
    replaced.packet = packet;
    this.#save(mark, replaced);
  }

  /** Removes what has been acknowledged, by identifier, or by mark while it has none. */
  clear(packet: QueuedPacket): QueuedPacket | undefined {
    const mark = packet.messageId === undefined ? markOf(packet) : this.#byMessageId.get(packet.messageId);
    const entry = mark === undefined ? undefined : this.#entries.get(mark);
    if (mark === undefined || !entry) return undefined;
    this.#remove(mark, entry);
    return entry.packet;
  }

  /** A copy of the order, without what has grown too old. */
  waiting(nowMs: number): QueuedPacket[] {
    this.expire(nowMs);
    return [...this.#entries.values()].map((entry) => entry.packet);
  }

  expire(nowMs: number): void {
    for (const [mark, entry] of this.#entries) {
      if (nowMs - entry.queuedMs <= BROKER_LIMITS.queueMs) break;
      this.#remove(mark, entry);
    }
  }

  /** Takes back an entry from the disk; answers its bytes. */
  restore(number: string, stored: StoredMessage): number {
    const { mark = '', queuedMs = 0, ...packet } = stored;
    const bytes = ENTRY_BYTES + (packet.topic?.length ?? 0) + packet.payload.length;
    this.#entries.set(mark, { number: Number(number), packet, bytes, queuedMs });
    if (packet.messageId !== undefined) this.#byMessageId.set(packet.messageId, mark);
    this.#next = Math.max(this.#next, Number(number) + 1);
    this.bytes += bytes;
    return bytes;
  }

  drop(): void {
    for (const [mark, entry] of this.#entries) this.#remove(mark, entry);
  }

  #makeRoom(bytes: number): void {
    for (const [mark, entry] of this.#entries) {
      if (this.#fits(bytes)) return;
      if (entry.packet.messageId === undefined) this.#remove(mark, entry);
    }
  }

  #keep(mark: string, entry: Entry): void {
    const known = this.#entries.get(mark);
    if (known) this.#remove(mark, known);
    this.#entries.set(mark, entry);
    this.bytes += entry.bytes;
    this.#save(mark, entry);
  }

  #remove(mark: string, entry: Entry): void {
    this.#entries.delete(mark);
    if (entry.packet.messageId !== undefined) this.#byMessageId.delete(entry.packet.messageId);
    this.bytes -= entry.bytes;
    this.#disk?.remove(KEYS.queue(this.#clientId, entry.number));
  }

  #save(mark: string, entry: Entry): void {
    if (!this.#disk) return;
    const { payload = Buffer.alloc(0), ...packet } = entry.packet;
    const stored = { ...packet, payload, mark, queuedMs: entry.queuedMs };
    this.#disk.put(KEYS.queue(this.#clientId, entry.number), writeMessage(stored));
  }
}

/** The library numbers the messages of each run of the broker. */
function markOf(packet: Marked): string {
  return `${packet.brokerId ?? ''}:${packet.brokerCounter ?? 0}`;
}
