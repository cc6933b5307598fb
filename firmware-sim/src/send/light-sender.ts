import type { Message } from '../utility/messages.ts';
import type { Latency } from './latency.ts';
import { LoadClient } from './load-client.ts';
import type { MqttTarget, SendCounts, Sender } from './sender.ts';
import { TapeWriter } from './tape.ts';

/** For load: few connections of light clients; a lost connection ends the run with its reason. */
export class LightSender implements Sender {
  readonly #clients: LoadClient[];

  constructor(target: MqttTarget, connections: number, window: number) {
    const perClient = Math.max(1, Math.floor(window / connections));
    this.#clients = Array.from(
      { length: connections },
      (_, number) =>
        new LoadClient({ ...target, clientId: `${target.clientId}-${number}`, window: perClient }),
    );
  }

  async open(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.open()));
  }

  async send(messages: Message[], signal: AbortSignal): Promise<void> {
    // Not used again: the sockets may still read a tape after `send` has answered.
    const tapes = this.#clients.map(() => new TapeWriter());
    for (const { device, topic, payload, readings, dup } of messages)
      tapes[device % tapes.length].add(topic, payload, readings, dup);
    await Promise.all(
      this.#clients.map((client, at) => client.send(tapes[at].tape(), 0, tapes[at].frames, signal)),
    );
  }

  async settle(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.settle(signal)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  counts(): SendCounts {
    const counts = { sent: 0, acked: 0, sentReadings: 0, ackedReadings: 0, reconnects: 0 };
    for (const client of this.#clients) {
      counts.sent += client.sent;
      counts.acked += client.acked;
      counts.sentReadings += client.sentReadings;
      counts.ackedReadings += client.ackedReadings;
    }
    return counts;
  }

  takeLatency(into: Latency): void {
    for (const client of this.#clients) {
      into.add(client.latency);
      client.latency.clear();
    }
  }
}
