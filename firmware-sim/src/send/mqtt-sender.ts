import { WeirError } from '@weir/node/contract';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { Message } from '../utility/messages.ts';
import { Latency } from './latency.ts';
import type { MqttTarget, SendCounts, Sender } from './sender.ts';

/** `per-device`: each meter or concentrator has its own connection; a number: so many are shared. */
export type Connections = 'per-device' | number;

const RECONNECT_MS = 500;
const FIRST_CONNECT_MS = 10_000;

/**
 * Real MQTT clients at QoS 1. While the broker is away they keep what they were given and deliver it afterwards;
 * `window` bounds what is on its way over all of them, so that an outage holds the world back instead of filling memory.
 */
export class MqttSender implements Sender {
  readonly #target: MqttTarget;
  readonly #connections: Connections;
  readonly #window: number;
  readonly #clients = new Map<number, MqttClient>();
  readonly #latency = new Latency();
  readonly #counts: SendCounts = { sent: 0, acked: 0, sentReadings: 0, ackedReadings: 0, reconnects: 0 };
  #wake: (() => void) | null = null;
  #fault: Error | null = null;

  constructor(target: MqttTarget, connections: Connections, window: number) {
    this.#target = target;
    this.#connections = connections;
    this.#window = window;
  }

  /** Proves that the broker is there and takes the credentials; later faults are waited out. */
  async open(signal: AbortSignal): Promise<void> {
    const client = this.#clientOf(0);
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: Error): void => {
        client.end(true);
        const where = `${this.#target.host}:${this.#target.port}`;
        const code =
          'code' in cause && typeof cause.code === 'number' ? 'WEIR_NOT_ALLOWED' : 'WEIR_UNREACHABLE';
        reject(new WeirError(code, `MQTT at ${where}: ${cause.message || 'no connection'}.`, { cause }));
      };
      const late = setTimeout(() => refuse(new Error('no answer to CONNECT')), FIRST_CONNECT_MS);
      client.once('connect', () => {
        clearTimeout(late);
        client.off('error', refuse);
        resolve();
      });
      client.once('error', (cause) => {
        clearTimeout(late);
        refuse(cause);
      });
      signal.addEventListener('abort', () => refuse(new Error('interrupted')), { once: true });
    });
  }

  async send(messages: Message[], signal: AbortSignal): Promise<void> {
    for (const message of messages) {
      while (this.#counts.sent - this.#counts.acked >= this.#window) {
        if (signal.aborted) return;
        await this.#sleep(signal);
      }
      if (this.#fault !== null) throw this.#fault;
      this.#publish(message);
    }
  }

  async settle(signal: AbortSignal): Promise<void> {
    while (this.#counts.acked < this.#counts.sent && !signal.aborted) {
      if (this.#fault !== null) throw this.#fault;
      await this.#sleep(signal);
    }
  }

  async close(): Promise<void> {
    const force = this.#counts.acked < this.#counts.sent;
    await Promise.all([...this.#clients.values()].map((client) => client.endAsync(force)));
  }

  counts(): SendCounts {
    return { ...this.#counts };
  }

  takeLatency(into: Latency): void {
    into.add(this.#latency);
    this.#latency.clear();
  }

  #publish({ device, topic, payload, readings, dup }: Message): void {
    const startedMs = performance.now();
    this.#counts.sent++;
    this.#counts.sentReadings += readings;
    this.#clientOf(device).publish(topic, payload, { qos: 1, dup }, (fault) => {
      if (fault) {
        this.#fault ??= fault;
      } else {
        this.#counts.acked++;
        this.#counts.ackedReadings += readings;
        this.#latency.record((performance.now() - startedMs) * 1000);
      }
      this.#wakeUp();
    });
  }

  #clientOf(device: number): MqttClient {
    const number = this.#connections === 'per-device' ? device : device % this.#connections;
    const known = this.#clients.get(number);
    if (known !== undefined) return known;
    const client = connect(this.#options(number));
    let connectedBefore = false;
    client.on('connect', () => {
      if (connectedBefore) this.#counts.reconnects++;
      connectedBefore = true;
    });
    // The client reconnects by itself; an `error` without a listener would end the process.
    client.on('error', () => this.#wakeUp());
    this.#clients.set(number, client);
    return client;
  }

  #options(number: number): IClientOptions {
    const { host, port, tls, username, password, clientId } = this.#target;
    return {
      host,
      port,
      protocol: tls === undefined ? 'mqtt' : 'mqtts',
      ...tls,
      username,
      password,
      clientId: `${clientId}-${number}`,
      // A publisher needs no session in the broker: what is unacknowledged is kept and sent again from here.
      clean: true,
      reconnectPeriod: RECONNECT_MS,
      connectTimeout: FIRST_CONNECT_MS,
    };
  }

  #sleep(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
