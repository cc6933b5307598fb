import { Aedes, type AuthenticateError, type Client } from 'aedes';
import type { IConnectPacket } from 'mqtt-packet';
import type { Gate } from '../gate.ts';
import { BROKER_LIMITS } from '../limits.ts';
import type { BrokerLog, Rejection } from '../rejections.ts';
import { ClientRules } from './client-rules.ts';
import type { SessionStore } from './session-store.ts';

/** What the protocol library asks the broker. */
export interface CoreHooks {
  logger: BrokerLog;
  persistence: SessionStore;
  /** Null: let in. Otherwise the return code of CONNACK. */
  logIn(
    gate: Gate,
    packet: IConnectPacket,
  ): Promise<{ deviceId: string | null } | { returnCode: 2 | 3 | 4 | 5 }>;
  mayPublish(gate: Gate, topic: string): boolean;
  maySubscribe(gate: Gate, filter: string): boolean;
  isReading(topic: string): boolean;
  /** Readings that do not come by the fast way: QoS 2 and wills. */
  offer(topic: string, payload: Uint8Array, done: (fault: Error | null) => void): void;
  refused(gate: Gate | null, reason: Rejection, fields: object): void;
}

/** The parts of aedes 1.2 that its types leave out; the version is pinned and the suites of test/mqtt run over it. */
interface Matcher {
  match(topic: string): unknown[];
}
interface Emitter {
  _matcher: Matcher;
  on(topic: string, notify: unknown, done?: () => void): unknown;
  removeListener(topic: string, notify: unknown, done?: () => void): unknown;
}
export type CoreClient = Client & {
  conn: Gate;
  clean: boolean;
  subscriptions: Record<string, { qos: number }>;
  _inboundInflight: Set<number>;
  _keepaliveTimer: NodeJS.Timeout | null;
};

/** MQTT as such: sessions, subscriptions, retained messages and wills. Readings of QoS 0 and 1 do not pass here. */
export class MqttCore {
  readonly #aedes: Aedes;
  readonly #emitter: Emitter;
  readonly #persistence: SessionStore;
  #version = 0;
  /** Live subscriptions of clients; the library's own are all below `$SYS/`. It may remove one twice. */
  readonly #followers = new Set<unknown>();

  static async start(hooks: CoreHooks): Promise<MqttCore> {
    const rules = new ClientRules(hooks);
    const connects = new WeakMap<Client, IConnectPacket>();
    const aedes = await Aedes.createBroker({
      persistence: hooks.persistence,
      connectTimeout: BROKER_LIMITS.connectMs + BROKER_LIMITS.loginMs,
      // Writes never wait (see Gate), so that nothing is left for this one to do.
      drainTimeout: 0,
      maxInflightInbound: BROKER_LIMITS.halfOpen,
      maxClientsIdLength: BROKER_LIMITS.clientIdBytes,
      // An answer of false would leave the socket open: every refusal is made in `authenticate`.
      preConnect: (client, packet, callback) => {
        connects.set(client, packet);
        callback(null, true);
      },
      authenticate: (client, _username, _password, callback) => {
        const gate = client.conn as unknown as Gate;
        hooks.logIn(gate, connects.get(client) as IConnectPacket).then(
          (answer) => {
            connects.delete(client);
            if ('returnCode' in answer)
              callback(
                Object.assign(new Error('refused'), { returnCode: answer.returnCode }) as AuthenticateError,
                null,
              );
            else {
              gate.deviceId = answer.deviceId;
              callback(null, true);
            }
          },
          (fault: unknown) => {
            hooks.logger.error({ err: fault }, 'a log-in failed for a reason of our own');
            callback(Object.assign(new Error('unavailable'), { returnCode: 3 }) as AuthenticateError, null);
          },
        );
      },
      authorizePublish: (client, packet, callback) =>
        rules.publish(client as CoreClient | null, packet, callback),
      authorizeSubscribe: (client, sub, callback) => rules.subscribe(client as CoreClient, sub, callback),
      authorizeForward: (client, packet) => rules.forward(client as CoreClient, packet),
    });
    return new MqttCore(aedes, hooks);
  }

  private constructor(aedes: Aedes, hooks: CoreHooks) {
    this.#aedes = aedes;
    this.#persistence = hooks.persistence;
    this.#emitter = (aedes as unknown as { mq: Emitter }).mq;
    this.#watchSubscriptions();
    aedes.on('error' as never, (fault: unknown) =>
      hooks.logger.error({ err: fault }, 'the MQTT library failed'),
    );
    const ended = (client: Client, fault: Error) => {
      // A refused log-in was counted with its reason when it was refused; what was still to be written to a client
      // that has left is nobody's fault.
      if ('returnCode' in fault || fault.message === 'connection closed') return;
      hooks.refused(client.conn as unknown as Gate, reasonOf(fault), {
        client: client.id,
        why: fault.message,
      });
    };
    aedes.on('clientError', ended);
    aedes.on('connectionError', ended);
    aedes.on('connackSent', (packet, client) => {
      const gate = client.conn as unknown as Gate;
      // After the library has noted that it has sent it; packets that come now are handled, not queued.
      if (packet.returnCode === 0) setImmediate(() => gate.admit());
    });
    aedes.on('publish', (packet, client) => {
      if (client && packet.qos === 1) (client.conn as unknown as Gate).passed();
    });
    aedes.on('subscribe', (_subscriptions, client) => {
      // The library asks for the retained messages right after this and does not say for whom.
      this.#persistence.retainedFor = client.conn as unknown as Gate;
    });
  }

  adopt(gate: Gate): void {
    this.#aedes.handle(gate);
  }

  alive(gate: Gate): void {
    const client = gate.client as CoreClient | null;
    if (client && !client.closed) client._keepaliveTimer?.refresh();
  }

  followersVersion(): number {
    return this.#version + this.#persistence.subscriptionsVersion;
  }

  hasFollowers(topic: string): boolean {
    // Most boards have none: then nothing is looked up for a reading.
    const live = this.#followers.size > 0 && this.#emitter._matcher.match(topic).length > 0;
    return live || this.#persistence.hasSubscriber(topic);
  }

  publish(
    packet: { topic: string; payload: Uint8Array; qos: 0 | 1; retain: boolean },
    gate: Gate | null,
    done: (fault?: Error | null) => void,
  ): void {
    const whole = { cmd: 'publish', dup: false, ...packet, payload: Buffer.from(packet.payload) };
    if (packet.retain && !this.#persistence.mayRetain(packet.topic, packet.payload.length))
      whole.retain = false;
    const publish = this.#aedes.publish as unknown as (
      packet: object,
      client: unknown,
      done: (fault?: Error | null) => void,
    ) => void;
    publish.call(this.#aedes, whole, gate?.client ?? null, done);
  }

  get clients(): number {
    return this.#aedes.connectedClients;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }

  /** The emitter does not tell how many listen: a version lets gates keep what they know of a topic. */
  #watchSubscriptions(): void {
    const emitter = this.#emitter;
    const on = emitter.on.bind(emitter);
    const removeListener = emitter.removeListener.bind(emitter);
    emitter.on = (topic, notify, done) => {
      this.#version++;
      if (!topic.startsWith('$SYS/')) this.#followers.add(notify);
      return on(topic, notify, done);
    };
    emitter.removeListener = (topic, notify, done) =>
      removeListener(topic, notify, () => {
        this.#version++;
        this.#followers.delete(notify);
        done?.();
      });
  }
}

function reasonOf(fault: Error): Rejection {
  if (/keep alive|in time/.test(fault.message)) return 'timeout';
  if (/maxInflight/.test(fault.message)) return 'half-open';
  return 'protocol';
}
