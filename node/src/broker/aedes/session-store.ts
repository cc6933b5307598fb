import { Readable } from 'node:stream';
import type { PublishPacket, Subscription } from 'aedes';
import { FilterIndex, type IndexedSubscription } from '../filter-index.ts';
import type { Gate } from '../gate.ts';
import { getOrMake } from '../get-or-make.ts';
import { BROKER_LIMITS } from '../limits.ts';
import type { Rejection } from '../rejections.ts';
import { readMessage, type StoredMessage, writeMessage } from './message-bytes.ts';
import { OfflineQueue, type QueuedPacket } from './offline-queue.ts';
import { canTakeMore, RetainedMessages } from './retained-messages.ts';
import { KEYS, type SessionDisk } from './session-disk.ts';

interface ClientRef {
  id: string;
  clean?: boolean;
}

interface Session {
  filters: Map<string, StoredFilter>;
  queue: OfflineQueue;
  seenMs: number;
}

interface StoredFilter {
  qos: number;
  rh?: number;
  rap?: boolean;
  nl?: boolean;
}

type Will = PublishPacket & { clientId: string; brokerId: string };

export interface SessionStoreOptions {
  disk: SessionDisk | null;
  nowMs(): number;
  refused(reason: Rejection, fields: object): void;
}

/**
 * What the protocol library remembers between connections: retained messages, persistent sessions with their queues,
 * identifiers of QoS 2, wills. Lives in memory, bounded by count, bytes and age, and is written behind to LevelDB, so
 * that a publish that nobody waits for costs no write.
 */
export class SessionStore {
  readonly #options: SessionStoreOptions;
  readonly #disk: SessionDisk | null;
  readonly #sessions = new Map<string, Session>();
  readonly #index = new FilterIndex();
  readonly #retained: RetainedMessages;
  readonly #incoming = new Map<string, Map<number, object>>();
  readonly #wills = new Map<string, Will>();
  #queuesBytes = 0;
  /** The library's broker; the contract suite reads it. */
  broker: { id: string; clients?: Record<string, unknown> } = { id: '' };
  subscriptionsVersion = 0;
  /** Whose subscription the next stream of retained messages answers; see `MqttCore`. */
  retainedFor: Gate | null = null;

  constructor(options: SessionStoreOptions) {
    this.#options = options;
    this.#disk = options.disk;
    this.#retained = new RetainedMessages(options.disk);
  }

  async setup(broker: { id: string }): Promise<void> {
    this.broker = broker;
    if (this.#disk) await this.#load(this.#disk);
  }

  // --- retained messages

  mayRetain(topic: string, payloadBytes: number): boolean {
    return this.#retained.fits(topic, payloadBytes);
  }

  async storeRetained(packet: StoredMessage): Promise<void> {
    this.#retained.store(packet);
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern]);
  }

  createRetainedStreamCombi(patterns: string[]): Readable {
    const gate = this.retainedFor;
    this.retainedFor = null;
    return Readable.from(this.#retained.match(patterns, gate), { highWaterMark: 16 });
  }

  // --- subscriptions

  async addSubscriptions(client: ClientRef, subscriptions: Subscription[]): Promise<void> {
    // The library stores all filters of a packet with the first one that it allows; by the next turn of the
    // microtasks all have been judged and the refused ones are marked.
    await Promise.resolve();
    const session = this.#sessions.get(client.id) ?? this.#newSession(client.id);
    for (const subscription of subscriptions) {
      if ((subscription as { refused?: boolean }).refused) continue;
      const { topic, qos, rh, rap, nl } = subscription as Subscription & StoredFilter;
      session.filters.set(topic, { qos, rh, rap, nl });
      if (qos > 0) this.#index.add({ clientId: client.id, topic, qos, rh, rap, nl });
      else this.#index.remove(client.id, topic);
    }
    this.#changed(client.id, session);
  }

  async removeSubscriptions(client: ClientRef, filters: string[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (!session) return;
    for (const filter of filters) {
      session.filters.delete(filter);
      this.#index.remove(client.id, filter);
    }
    this.#changed(client.id, session);
  }

  async subscriptionsByClient(client: ClientRef): Promise<(StoredFilter & { topic: string })[]> {
    const session = this.#sessions.get(client.id);
    return session ? [...session.filters].map(([topic, filter]) => ({ topic, ...filter })) : [];
  }

  async subscriptionsByTopic(topic: string): Promise<IndexedSubscription[]> {
    return this.#index.match(topic);
  }

  hasSubscriber(topic: string): boolean {
    return this.#index.size > 0 && this.#index.match(topic).length > 0;
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return { subsCount: this.#index.size, clientsCount: this.#sessions.size };
  }

  /** [MQTT-3.1.2-6]: a clean log-in ends what was kept; the queue goes with the filters. */
  async cleanSubscriptions(client: ClientRef): Promise<void> {
    this.#forgetSession(client.id);
  }

  getClientList(topic: string): Readable {
    return Readable.from(
      [...this.#sessions].filter(([, session]) => session.filters.has(topic)).map(([clientId]) => clientId),
    );
  }

  // --- what waits for clients that are away

  async outgoingEnqueue(subscription: { clientId: string }, packet: QueuedPacket): Promise<void> {
    this.#enqueue(subscription.clientId, packet, packet.qos);
  }

  async outgoingEnqueueCombi(subscriptions: IndexedSubscription[], packet: QueuedPacket): Promise<void> {
    for (const { clientId, qos } of subscriptions) this.#enqueue(clientId, packet, qos);
  }

  #enqueue(clientId: string, packet: QueuedPacket, qos: number | undefined): void {
    const session = this.#sessions.get(clientId) ?? this.#newSession(clientId);
    const before = session.queue.bytes;
    const full = this.#queuesBytes + packet.payload.length > BROKER_LIMITS.queuesBytes;
    if (full || !session.queue.add(packet, qos ?? packet.qos, this.#options.nowMs()))
      this.#options.refused('queue-quota', { client: clientId });
    this.#queuesBytes += session.queue.bytes - before;
  }

  isQueued(client: ClientRef, packet: { brokerId?: string; brokerCounter?: number }): boolean {
    return this.#sessions.get(client.id)?.queue.has(packet) ?? false;
  }

  async outgoingUpdate(client: ClientRef, packet: QueuedPacket): Promise<void> {
    // What is not known any more has made room for newer messages, or was acknowledged twice. The library would end
    // the connection over it; it is delivered or answered all the same, so that the other side can forget it.
    this.#sessions.get(client.id)?.queue.update(packet);
  }

  async outgoingClearMessageId(client: ClientRef, packet: QueuedPacket): Promise<QueuedPacket | undefined> {
    const queue = this.#sessions.get(client.id)?.queue;
    if (!queue) return undefined;
    const before = queue.bytes;
    const gone = queue.clear(packet);
    this.#queuesBytes += queue.bytes - before;
    return gone;
  }

  outgoingStream(client: ClientRef): Readable {
    const queue = this.#sessions.get(client.id)?.queue;
    const gate = (client as { conn?: Gate }).conn ?? null;
    return Readable.from(queue ? pacedQueue(queue.waiting(this.#options.nowMs()), gate) : []);
  }

  // --- identifiers of QoS 2 that the library has received and not released

  isIncoming(clientId: string, messageId: number): boolean {
    return this.#incoming.get(clientId)?.has(messageId) ?? false;
  }

  async incomingStorePacket(client: ClientRef, packet: { messageId?: number }): Promise<void> {
    const id = packet.messageId as number;
    const known = getOrMake(this.#incoming, client.id, () => new Map<number, object>());
    // The library asks only whether it is there; a payload a handshake would let a client fill the memory [49].
    known.set(id, { messageId: id });
    if (client.clean !== true) this.#disk?.put(KEYS.incoming(client.id, id), Buffer.alloc(0));
  }

  async incomingGetPacket(client: ClientRef, packet: { messageId?: number }): Promise<object> {
    const known = this.#incoming.get(client.id)?.get(packet.messageId as number);
    if (!known) throw new Error('no such packet');
    return known;
  }

  async incomingDelPacket(client: ClientRef, packet: { messageId?: number }): Promise<void> {
    const id = packet.messageId as number;
    if (!this.#incoming.get(client.id)?.delete(id)) throw new Error('no such packet');
    this.#disk?.remove(KEYS.incoming(client.id, id));
  }

  async cleanIncoming(client: ClientRef): Promise<void> {
    for (const id of this.#incoming.get(client.id)?.keys() ?? [])
      this.#disk?.remove(KEYS.incoming(client.id, id));
    this.#incoming.delete(client.id);
  }

  // --- wills

  async putWill(client: ClientRef, packet: PublishPacket): Promise<void> {
    const will = Object.assign(packet, { brokerId: this.broker.id, clientId: client.id });
    this.#wills.set(client.id, will);
    this.#disk?.put(KEYS.will(client.id), writeMessage(will as unknown as StoredMessage));
  }

  async getWill(client: ClientRef): Promise<Will | undefined> {
    return this.#wills.get(client.id);
  }

  /** Never rejects: the library does not expect it to. */
  async delWill(client: ClientRef): Promise<Will | undefined> {
    const will = this.#wills.get(client.id);
    if (this.#wills.delete(client.id)) this.#disk?.remove(KEYS.will(client.id));
    return will;
  }

  streamWill(brokers: Record<string, unknown> = {}): Readable {
    return Readable.from([...this.#wills.values()].filter((will) => !brokers[will.brokerId]));
  }

  // --- sessions

  /** The client has left: its session's age begins. */
  left(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (!session) return;
    session.seenMs = this.#options.nowMs();
    this.#save(clientId, session);
  }

  /** Forgets sessions and queued messages past their age. */
  expire(): void {
    const nowMs = this.#options.nowMs();
    for (const [clientId, session] of this.#sessions) {
      if (this.broker.clients?.[clientId]) continue;
      if (nowMs - session.seenMs > BROKER_LIMITS.sessionMs) this.#forgetSession(clientId);
      else {
        const before = session.queue.bytes;
        session.queue.expire(nowMs);
        this.#queuesBytes += session.queue.bytes - before;
      }
    }
  }

  async destroy(): Promise<void> {
    await this.#disk?.close();
  }

  #newSession(clientId: string): Session {
    if (this.#sessions.size >= BROKER_LIMITS.sessions) this.#evictSession();
    const session = {
      filters: new Map(),
      queue: new OfflineQueue(clientId, this.#disk),
      seenMs: this.#options.nowMs(),
    };
    this.#sessions.set(clientId, session);
    return session;
  }

  #evictSession(): void {
    let oldest: string | null = null;
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const [clientId, { seenMs }] of this.#sessions)
      if (seenMs < oldestMs && !this.broker.clients?.[clientId]) {
        oldest = clientId;
        oldestMs = seenMs;
      }
    if (oldest === null) return;
    this.#options.refused('session-quota', { client: oldest });
    this.#forgetSession(oldest);
  }

  #forgetSession(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (!session) return;
    for (const filter of session.filters.keys()) this.#index.remove(clientId, filter);
    this.#queuesBytes -= session.queue.bytes;
    session.queue.drop();
    this.#sessions.delete(clientId);
    this.#disk?.remove(KEYS.session(clientId));
    this.subscriptionsVersion++;
  }

  #changed(clientId: string, session: Session): void {
    this.subscriptionsVersion++;
    if (session.filters.size === 0 && session.queue.count === 0) this.#forgetSession(clientId);
    else this.#save(clientId, session);
  }

  #save(clientId: string, session: Session): void {
    const value = { filters: [...session.filters], seenMs: session.seenMs };
    this.#disk?.put(KEYS.session(clientId), Buffer.from(JSON.stringify(value)));
  }

  async #load(disk: SessionDisk): Promise<void> {
    for await (const { kind, clientId, rest, value } of disk.load()) {
      if (kind === 'session') {
        const { filters, seenMs } = JSON.parse(value.toString()) as {
          filters: [string, StoredFilter][];
          seenMs: number;
        };
        const session = this.#sessions.get(clientId) ?? this.#newSession(clientId);
        session.seenMs = seenMs;
        for (const [topic, filter] of filters) {
          session.filters.set(topic, filter);
          if (filter.qos > 0) this.#index.add({ clientId, topic, ...filter });
        }
      } else if (kind === 'queue') {
        const session = this.#sessions.get(clientId) ?? this.#newSession(clientId);
        this.#queuesBytes += session.queue.restore(rest, readMessage(value));
      } else if (kind === 'incoming') {
        const known = getOrMake(this.#incoming, clientId, () => new Map<number, object>());
        known.set(Number(rest), { messageId: Number(rest) });
      } else if (kind === 'will') this.#wills.set(clientId, readMessage(value) as unknown as Will);
      else this.#retained.restore(readMessage(value));
    }
  }
}

async function* pacedQueue(packets: Iterable<QueuedPacket>, gate: Gate | null): AsyncGenerator<QueuedPacket> {
  for (const packet of packets) {
    if (gate && !(await canTakeMore(gate))) return;
    // [MQTT-3.3.1-1]: what was sent over an earlier connection is marked so.
    yield gate && packet.cmd === 'publish' && packet.messageId !== undefined
      ? { ...packet, dup: true }
      : packet;
  }
}
