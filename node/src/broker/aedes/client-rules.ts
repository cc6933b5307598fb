import type { AedesPublishPacket, PublishPacket, Subscription } from 'aedes';
import { getOrMake } from '../get-or-make.ts';
import { BROKER_LIMITS } from '../limits.ts';
import { filterMatches, isReserved } from '../topics.ts';
import type { CoreClient, CoreHooks } from './core.ts';

type Done = (fault?: Error | null) => void;

/** What a client may publish, subscribe to and be sent. */
export class ClientRules {
  readonly #hooks: CoreHooks;
  /** Readings of QoS 2 on their way to the log, by packet identifier, with those who wait for the same one. */
  readonly #underWay = new WeakMap<CoreClient, Map<number, Done[]>>();

  constructor(hooks: CoreHooks) {
    this.#hooks = hooks;
  }

  /** Null stands for a will whose client was with an earlier run of this process; it was checked at its log-in. */
  publish(client: CoreClient | null, packet: PublishPacket, done: Done): void {
    const { topic } = packet;
    const reserved = isReserved(topic);
    if (reserved || (client && !this.#hooks.mayPublish(client.conn, topic))) {
      this.#hooks.refused(client?.conn ?? null, reserved ? 'reserved' : 'foreign-topic', { topic });
      done(new Error('not allowed to publish there'));
      return;
    }
    // Past the quota a message still goes to the live subscribers, it is only not kept [45].
    if (packet.retain && !this.#hooks.persistence.mayRetain(topic, packet.payload.length)) {
      this.#hooks.refused(client?.conn ?? null, 'retained-quota', { topic });
      packet.retain = false;
    }
    const isReading = this.#hooks.isReading(topic);
    if (client && packet.qos === 2 && packet.messageId !== undefined)
      this.#publishOnce(client, packet, packet.messageId, isReading, done);
    else if (isReading) this.#offerWill(client, packet, done);
    else done(null);
  }

  /** A will that comes while the log takes nothing cannot be held back: it is lost, and counted. */
  #offerWill(client: CoreClient | null, packet: PublishPacket, done: Done): void {
    this.#hooks.offer(packet.topic, payloadOf(packet), (fault) => {
      if (fault)
        this.#hooks.refused(client?.conn ?? null, 'fault', { topic: packet.topic, why: fault.message });
      done(fault);
    });
  }

  /** [MQTT-4.3.3-2]: a repeated PUBLISH of QoS 2 comes here again and must not be counted again. */
  #publishOnce(client: CoreClient, packet: PublishPacket, id: number, isReading: boolean, done: Done): void {
    const underWay = getOrMake(this.#underWay, client, () => new Map<number, Done[]>());
    const others = underWay.get(id);
    if (others) others.push(done);
    else if (this.#hooks.persistence.isIncoming(client.id, id)) done(null);
    // The library has the same bound, but would look at it after the reading was counted [49].
    else if (underWay.size + client._inboundInflight.size >= BROKER_LIMITS.halfOpen)
      done(new Error('maxInflightInbound'));
    else if (!isReading) done(null);
    else this.#offerOnce(underWay, packet, id, done);
  }

  #offerOnce(underWay: Map<number, Done[]>, packet: PublishPacket, id: number, done: Done): void {
    const waiting: Done[] = [];
    underWay.set(id, waiting);
    this.#hooks.offer(packet.topic, payloadOf(packet), (fault) => {
      underWay.delete(id);
      done(fault);
      // By then the library has stored the identifier and answers the repeated one with PUBREC alone.
      if (waiting.length > 0) setImmediate(() => waiting.forEach((other) => void other(fault)));
    });
  }

  /** A refused filter is answered with 0x80 in SUBACK; the connection stays. */
  subscribe(
    client: CoreClient,
    subscription: Subscription,
    callback: (fault: Error | null, subscription?: Subscription | null) => void,
  ): void {
    const filter = subscription.topic;
    const gate = client.conn;
    const reason = isReserved(filter)
      ? 'reserved'
      : !this.#hooks.maySubscribe(gate, filter)
        ? 'foreign-filter'
        : Object.keys(client.subscriptions).length >= BROKER_LIMITS.filtersPerClient
          ? 'filters'
          : null;
    if (!reason) {
      callback(null, subscription);
      return;
    }
    this.#hooks.refused(gate, reason, { filter: filter.slice(0, 128) });
    // The library stores all filters of a packet, the refused ones too; the session store leaves out the marked.
    (subscription as Subscription & { refused?: boolean }).refused = true;
    callback(null, null);
  }

  /** Null withholds the message: nobody waits for a client that does not read [42]. */
  forward(client: CoreClient, packet: AedesPublishPacket): AedesPublishPacket | null {
    if (client.conn.unreadBytes > BROKER_LIMITS.unreadBytes) {
      this.#hooks.refused(client.conn, 'unread', { client: client.id });
      return null;
    }
    if (packet.qos > 0) lowerQos(client, packet);
    // What its queue had no room for was counted there; the library would end the connection over it [46].
    if (
      packet.qos > 0 &&
      !client.clean &&
      !packet.retain &&
      !this.#hooks.persistence.isQueued(client, packet)
    )
      return null;
    return packet;
  }
}

/** [MQTT-3.8.4-6]: delivered at the highest QoS of the subscriptions that match, if the message's is not lower. */
function lowerQos(client: CoreClient, packet: AedesPublishPacket): void {
  let highest = 0;
  for (const filter in client.subscriptions) {
    const { qos } = client.subscriptions[filter];
    if (qos > highest && filterMatches(filter, packet.topic)) highest = qos;
  }
  if (highest < packet.qos) packet.qos = highest as 0 | 1 | 2;
}

function payloadOf(packet: PublishPacket): Uint8Array {
  return typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
}
