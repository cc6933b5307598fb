import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { AckReader } from '../../firmware-sim/src/send/acks.ts';
import { type Credentials, connectFrame } from '../../firmware-sim/src/send/connect-frame.ts';
import { TapeWriter } from '../../firmware-sim/src/send/tape.ts';
import type { Oracle } from './oracle.ts';
import { pack, type Reading, single } from './readings.ts';

const KEEPALIVE_S = 60;
let clients = 0;

/**
 * A publisher of QoS 1 that tells the oracle of every message before it leaves and of every acknowledgement. What is
 * not acknowledged when the connection breaks stays with the oracle as sent, and may be sent again.
 */
export class Publisher {
  readonly #oracle: Oracle;
  readonly #window: number;
  readonly #socket: Socket;
  readonly #inFlight = new Map<number, Reading[]>();
  #lastId = 0;
  #broken: Error | null = null;
  #waiting: (() => void)[] = [];
  ackMs: number[] = [];
  readonly #sentMs = new Map<number, number>();

  private constructor(socket: Socket, oracle: Oracle, window: number) {
    this.#socket = socket;
    this.#oracle = oracle;
    this.#window = window;
  }

  static async open(
    port: number,
    oracle: Oracle,
    options: { window?: number; who?: Credentials; host?: string } = {},
  ): Promise<Publisher> {
    const socket = connect({ host: options.host ?? '127.0.0.1', port, noDelay: true });
    const publisher = new Publisher(socket, oracle, options.window ?? 64);
    const who = options.who ?? { clientId: `publisher-${process.pid}-${clients++}` };
    await publisher.#enter(who);
    return publisher;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get broken(): Error | null {
    return this.#broken;
  }

  /** False when the connection is gone; the oracle then knows the message as sent, perhaps counted. */
  async single(reading: Reading, dup = false): Promise<boolean> {
    return this.#send(single(reading), [reading], dup);
  }

  async pack(readings: Reading[], dup = false): Promise<boolean> {
    return this.#send(pack(readings), readings, dup);
  }

  /** Waits until all is acknowledged; rejects when the connection is gone before. */
  async settle(): Promise<void> {
    while (this.#inFlight.size > 0) {
      if (this.#broken) throw this.#broken;
      await this.#change();
    }
  }

  /** Waits for the next acknowledgement, or for the end of the connection. */
  async change(): Promise<void> {
    if (!this.#broken) await this.#change();
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    this.#socket.destroy();
    await once(this.#socket, 'close');
  }

  async #send(
    message: { topic: string; payload: string },
    readings: Reading[],
    dup: boolean,
  ): Promise<boolean> {
    while (this.#inFlight.size >= this.#window && !this.#broken) await this.#change();
    if (this.#broken) return false;
    this.#lastId = (this.#lastId % 65_535) + 1;
    const writer = new TapeWriter(message.payload.length * 2 + 256);
    writer.add(message.topic, message.payload, readings.length, dup);
    const { bytes, idAt } = writer.tape();
    bytes.writeUInt16BE(this.#lastId, idAt[0]);
    this.#inFlight.set(this.#lastId, readings);
    this.#sentMs.set(this.#lastId, performance.now());
    this.#oracle.sent(readings);
    this.#socket.write(bytes);
    return true;
  }

  async #enter(who: Credentials): Promise<void> {
    const entered = Promise.withResolvers<void>();
    const acks = new AckReader({
      onConnack: (code) =>
        code === 0 ? entered.resolve() : entered.reject(new Error(`refused with ${code}`)),
      onPuback: (id) => this.#acked(id),
      onFault: (what) => this.#break(new Error(`the broker sent a ${what}`)),
    });
    this.#socket.on('data', (chunk) => acks.read(chunk));
    this.#socket.on('connect', () => this.#socket.write(connectFrame(who, KEEPALIVE_S)));
    this.#socket.on('error', (fault) => this.#break(fault));
    this.#socket.on('close', () => {
      this.#break(new Error('the broker closed the connection'));
      entered.reject(this.#broken);
    });
    await entered.promise;
  }

  #acked(id: number): void {
    const readings = this.#inFlight.get(id);
    if (readings) {
      this.#inFlight.delete(id);
      this.ackMs.push(performance.now() - this.#sentMs.get(id)!);
      this.#sentMs.delete(id);
      this.#oracle.acked(readings);
    }
    this.#wake();
  }

  #break(fault: Error): void {
    this.#broken ??= fault;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
