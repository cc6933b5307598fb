import { connectAsync, type MqttClient } from 'mqtt';
import { type StreamLoad, SyntheticLoad, type SyntheticMessage } from '../../node/src/plan/synthetic-load.ts';

const TICK_MS = 5;

/**
 * Sends what the planner invents, each message at its own time within the interval, as devices that know nothing of each
 * other do: the simulator's concentrators all send at once, which shares commits.
 */
export class SteadySender {
  readonly #client: MqttClient;
  readonly #load: StreamLoad;
  readonly #synthetic: SyntheticLoad;
  readonly #startMs: number;
  readonly #timer: NodeJS.Timeout;
  #round = 0;
  #messages: SyntheticMessage[] = [];
  #next = 0;

  private constructor(client: MqttClient, load: StreamLoad) {
    this.#client = client;
    this.#load = load;
    this.#startMs = Date.now();
    // Readings lie in the past by one interval: a phase must not put them into the future.
    this.#synthetic = new SyntheticLoad(load, load.keys, this.#startMs - 2 * load.everyMs);
    this.#messages = [...this.#synthetic.round(0)];
    this.#timer = setInterval(() => this.#send(), TICK_MS);
  }

  static async start(port: number, load: StreamLoad): Promise<SteadySender> {
    return new SteadySender(await connectAsync({ host: '127.0.0.1', port, clientId: 'steady' }), load);
  }

  #send(): void {
    const { everyMs } = this.#load;
    const at = Date.now() - this.#startMs;
    for (;;) {
      const dueMs = (this.#round + this.#next / Math.max(1, this.#messages.length)) * everyMs;
      if (dueMs > at) return;
      if (this.#next < this.#messages.length) {
        const { topic, payload } = this.#messages[this.#next++];
        this.#client.publish(topic, Buffer.from(payload), { qos: 1 });
      } else {
        this.#messages = [...this.#synthetic.round(++this.#round)];
        this.#next = 0;
      }
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#client.endAsync();
  }
}
