import { connect, type Socket } from 'node:net';
import { WeirError } from '@weir/node/contract';
import { AckReader } from './acks.ts';
import { type Credentials, connectFrame, DISCONNECT, PINGREQ } from './connect-frame.ts';
import { Latency } from './latency.ts';
import type { Tape } from './tape.ts';

export interface LoadTarget extends Credentials {
  host: string;
  port: number;
  /** Messages that wait for their PUBACK at once; packet ids bound it to 65,535. */
  window: number;
}

/** One write carries at most this much: enough to coalesce small frames, little enough to keep the window honest. */
const WRITE_BYTES = 64 * 1024;
const KEEPALIVE_S = 60;
const COALESCE_MS = 1;
const CLOSE_MS = 2_000;

/**
 * A publisher that is cheap enough to stand beside the server that it loads: it patches packet ids into frames that
 * are encoded already, writes many at once, and only counts what comes back. It does not reconnect. One caller at a time.
 */
export class LoadClient {
  readonly latency = new Latency();
  sent = 0;
  acked = 0;
  sentReadings = 0;
  ackedReadings = 0;
  readonly #target: LoadTarget;
  #socket: Socket | null = null;
  #fault: Error | null = null;
  /** By packet id: when it was sent (µs of the process, 0 = free) and how many readings it holds. */
  readonly #sentUs = new Float64Array(65_536);
  readonly #readingsOf = new Uint32Array(65_536);
  #lastId = 0;
  #nowUs = 0;
  #wake: (() => void) | null = null;
  #pings: NodeJS.Timeout | null = null;

  constructor(target: LoadTarget) {
    this.#target = { ...target, window: Math.min(target.window, 65_535) };
  }

  get inFlight(): number {
    return this.sent - this.acked;
  }

  /** Why the connection ended, if it did by itself. */
  get fault(): Error | null {
    return this.#fault;
  }

  async open(): Promise<void> {
    const socket = connect({ host: this.#target.host, port: this.#target.port, noDelay: true });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      const fail = (fault: Error): void => {
        this.#end(fault);
        reject(fault);
      };
      const acks = new AckReader({
        onConnack: (code) => (code === 0 ? resolve() : fail(refused(code))),
        onPuback: (id) => this.#onPuback(id),
        onFault: (what) => socket.destroy(new Error(`The server sent a ${what}.`)),
      });
      socket.on('data', (chunk) => {
        this.#nowUs = performance.now() * 1000;
        acks.read(chunk);
        this.#wakeUp();
      });
      socket.on('error', (cause) => fail(unreachable(this.#target, cause)));
      socket.on('close', () => fail(unreachable(this.#target, 'the server closed the connection')));
      socket.on('connect', () => socket.write(connectFrame(this.#target, KEEPALIVE_S)));
    });
    this.#pings = setInterval(() => socket.writable && socket.write(PINGREQ), (KEEPALIVE_S * 1000) / 2);
    this.#pings.unref();
  }

  /**
   * Sends the frames `from` to `to` of the tape, as fast as the window lets it, and answers when all are written;
   * `acked` tells how many are safe. The tape must not change until they are.
   */
  async send(tape: Tape, from = 0, to: number = tape.frames, signal?: AbortSignal): Promise<void> {
    let next = from;
    while (next < to) {
      if (this.#fault !== null) throw this.#fault;
      if (signal?.aborted) return;
      if (this.#target.window - this.inFlight < Math.min(to - next, this.#target.window / 4))
        await this.#moreRoom(Math.min(to - next, this.#target.window / 4), signal);
      const end = this.#fitting(tape, next, to);
      if (end === next) {
        await this.#sleep(signal);
        continue;
      }
      const start = next === 0 ? 0 : tape.ends[next - 1];
      this.#number(tape, next, end);
      next = end;
      if (!this.#socket!.write(tape.bytes.subarray(start, tape.ends[end - 1]))) await this.#drained();
    }
  }

  /** Waits until everything sent is acknowledged. */
  async settle(signal?: AbortSignal): Promise<void> {
    while (this.inFlight > 0 && !signal?.aborted) {
      if (this.#fault !== null) throw this.#fault;
      await this.#sleep(signal);
    }
  }

  async close(): Promise<void> {
    if (this.#pings !== null) clearInterval(this.#pings);
    const socket = this.#socket;
    if (socket === null || socket.destroyed) return;
    // Not `once`, which rejects on a fault: a server that is gone has closed the connection as well.
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const tooLong = setTimeout(() => socket.destroy(), CLOSE_MS);
    if (socket.writable) socket.end(DISCONNECT);
    else socket.destroy();
    await closed;
    clearTimeout(tooLong);
  }

  /**
   * Waits for room for so many frames, or a moment. A trickle of frames, one for each acknowledgement, costs several
   * times as much as many at once; waiting for long would have servers with Nagle's algorithm wait for us in turn.
   */
  async #moreRoom(frames: number, signal?: AbortSignal): Promise<void> {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      this.#wakeUp();
    }, COALESCE_MS);
    while (!over && this.#fault === null && !signal?.aborted && this.#target.window - this.inFlight < frames)
      await this.#sleep(signal);
    clearTimeout(timer);
  }

  /** HOT. Where the next write ends: within the window, the free packet ids and the size of a write. */
  #fitting(tape: Tape, from: number, to: number): number {
    const start = from === 0 ? 0 : tape.ends[from - 1];
    const room = this.#target.window - this.inFlight;
    let end = from;
    let id = this.#lastId;
    while (end < to && end - from < room && (end === from || tape.ends[end] - start <= WRITE_BYTES)) {
      id = id === 65_535 ? 1 : id + 1;
      if (this.#sentUs[id] !== 0) break;
      end++;
    }
    return end;
  }

  /** HOT. Gives the frames their packet ids and notes when they left. */
  #number(tape: Tape, from: number, end: number): void {
    const nowUs = performance.now() * 1000;
    for (let frame = from; frame < end; frame++) {
      const id = this.#lastId === 65_535 ? 1 : this.#lastId + 1;
      this.#lastId = id;
      this.#sentUs[id] = nowUs;
      this.#readingsOf[id] = tape.readings[frame];
      this.sentReadings += tape.readings[frame];
      tape.bytes[tape.idAt[frame]] = id >>> 8;
      tape.bytes[tape.idAt[frame] + 1] = id & 0xff;
    }
    this.sent += end - from;
  }

  /** HOT. An acknowledgement of what is not in flight changes nothing. */
  #onPuback(id: number): void {
    const sentUs = this.#sentUs[id];
    if (sentUs === 0) return;
    this.#sentUs[id] = 0;
    this.acked++;
    this.ackedReadings += this.#readingsOf[id];
    this.latency.record(this.#nowUs - sentUs);
  }

  #sleep(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  async #drained(): Promise<void> {
    const socket = this.#socket!;
    if (this.#fault !== null || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  #end(fault: Error): void {
    this.#fault ??= fault;
    if (this.#pings !== null) clearInterval(this.#pings);
    this.#wakeUp();
  }
}

function refused(code: number): WeirError {
  return new WeirError('WEIR_NOT_ALLOWED', `The server refused the connection with code ${code}.`);
}

function unreachable(target: LoadTarget, cause: unknown): WeirError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new WeirError('WEIR_UNREACHABLE', `MQTT at ${target.host}:${target.port}: ${why}.`, { cause });
}
