import { Duplex } from 'node:stream';
import type { GateHost, Peer } from './gate-host.ts';
import type { AckSink } from './intake.ts';
import { BROKER_LIMITS } from './limits.ts';
import type { Rejection } from './rejections.ts';
import { checkConnect, checkPacket, PACKET } from './wire/check-packet.ts';
import { FrameAssembly, frameEnd, headerBytes } from './wire/frame.ts';
import { isTopicName } from './wire/text.ts';

interface Route {
  bytes: Uint8Array;
  topic: string;
  allowed: boolean;
  reading: boolean;
  followed: boolean;
  version: number;
}

interface HeldFrame {
  bytes: Buffer;
  body: number;
}

type Stage = 'stranger' | 'entering' | 'in' | 'out';

const PINGREQ = 0xc0;
const PINGRESP = Uint8Array.of(0xd0, 0);
const ALIVE_EVERY_MS = 500;

/**
 * Stands between a socket and the protocol library. Cuts the bytes into packets, refuses what is too large or
 * malformed, takes readings of QoS 0 and 1 to the intake by itself, and hands every other packet on whole. What the
 * library writes goes straight to the socket.
 *
 * Bounds: one packet that is not whole yet (16 KiB before CONNECT), 64 KiB of packets that wait for the log, and the
 * socket's own buffers. A gate that must wait stops reading but still answers pings, so that its client stays.
 *
 * Order: acknowledgements of QoS 1 leave in the order of the publishes [MQTT-4.6.0-2], whichever side gives them: a
 * publish for the library waits until the readings before it are acknowledged, and the other way round.
 */
export class Gate extends Duplex implements AckSink {
  readonly peer: Peer;
  /** Set by the protocol library, which finds its client here. */
  client: unknown = null;
  /** Set by the log-in. */
  deviceId: string | null = null;
  deviceAddedMs = 0;
  /** Since when something has waited for the client to read it; 0 when nothing does. Of `performance.now()`. */
  unreadSinceMs = 0;
  /** Of `performance.now()`, like every span of time here: the wall clock may jump. */
  readonly bornMs: number;

  readonly #host: GateHost;
  readonly #socket: Duplex;
  readonly #assembly = new FrameAssembly();
  #stage: Stage = 'stranger';
  #held: HeldFrame[] = [];
  #heldBytes = 0;
  #releasing = false;
  #ended = false;
  #libraryFull = false;
  /** Readings of QoS 1 that are offered and not acknowledged; publishes of QoS 1 that the library has. */
  #unacked = 0;
  #passing = 0;
  #ackIds: number[] = [];
  #route: Route | null = null;
  #aliveMs = 0;
  #arrivalMs = 0;

  constructor(host: GateHost, socket: Duplex, peer: Peer) {
    super({ readableHighWaterMark: BROKER_LIMITS.heldBytes, emitClose: true });
    this.#host = host;
    this.#socket = socket;
    this.peer = peer;
    this.bornMs = performance.now();
    // Errors of a connection end it and concern nobody else; the reason is counted where it is known.
    this.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
    socket.on('drain', () => this.#onDrain());
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Bytes that the client has not read and that this process keeps for it. */
  get unreadBytes(): number {
    return this.#socket.writableLength;
  }

  get isHeld(): boolean {
    return this.#held.length > 0;
  }

  /** The log-in is done and CONNACK is written: packets may come in. */
  admit(): void {
    if (this.#stage !== 'entering') return;
    this.#stage = 'in';
    this.release();
  }

  /** Closes at once, counted; a reply goes out first where the protocol has one. */
  refuse(reason: Rejection, fields: object = {}, reply: Uint8Array | null = null): void {
    if (this.#stage === 'out') return;
    this.#host.refused(this, reason, fields);
    if (!reply) this.destroy();
    else {
      this.#stage = 'out';
      this.#socket.end(reply, () => this.destroy());
    }
  }

  /** Resolves when the client has read what waited for it, or has gone. */
  async drained(): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      this.#socket.on('drain', done).on('close', done);
    });
  }

  /** Stops taking packets; what is acknowledged later is still written. */
  stopReading(): void {
    this.#socket.pause();
  }

  // HOT: once a reading.
  settle(id: number, fault: Error | null): void {
    if (id === 0 || this.#stage === 'out') return;
    this.#unacked--;
    if (fault) this.refuse('fault', { err: fault.message });
    else if (this.#ackIds.push(id) === 1) this.#host.acknowledged.push(this);
  }

  /** One write for all readings of a group. */
  writeAcks(): void {
    const ids = this.#ackIds;
    if (this.#stage === 'out' || ids.length === 0) return;
    const acks = Buffer.allocUnsafe(ids.length * 4);
    for (let i = 0, at = 0; i < ids.length; i++) {
      acks[at++] = 0x40;
      acks[at++] = 2;
      acks[at++] = ids[i] >> 8;
      acks[at++] = ids[i] & 0xff;
    }
    this.#ackIds = [];
    this.#socket.write(acks);
    if (this.#held.length > 0) this.release();
    else this.#endIfDone();
  }

  /** The library has acknowledged a publish of QoS 1 that it was given. */
  passed(): void {
    if (this.#passing > 0) this.#passing--;
    if (this.#held.length > 0) this.release();
  }

  /** Goes on with the packets that waited, as far as they may go. */
  release(): void {
    if (this.#releasing || this.#stage !== 'in') return;
    this.#releasing = true;
    let gone = 0;
    while (gone < this.#held.length) {
      const { bytes, body } = this.#held[gone];
      if (!this.#go(bytes, 0, body, bytes.length)) break;
      this.#heldBytes -= bytes.length;
      gone++;
    }
    this.#releasing = false;
    if (this.stage === 'out') return;
    this.#held.splice(0, gone);
    this.#endIfDone();
    if (this.#heldBytes <= BROKER_LIMITS.heldBytes / 2 && this.#socket.isPaused()) this.#socket.resume();
  }

  // The library's writes go straight to the socket and never ask it to wait: with one frozen subscriber its fan-out
  // would wait for everybody. What a client may leave unread is bounded where messages are forwarded instead.
  override write(chunk: Uint8Array | string, ...rest: unknown[]): boolean {
    const encoding = typeof rest[0] === 'string' ? (rest[0] as BufferEncoding) : 'utf8';
    if (this.#stage !== 'out' && this.#socket.writable) this.#socket.write(chunk, encoding);
    return true;
  }

  override cork(): void {
    this.#socket.cork();
  }

  override uncork(): void {
    this.#socket.uncork();
  }

  override _read(): void {
    if (!this.#libraryFull) return;
    this.#libraryFull = false;
    if (this.#held.length > 0) setImmediate(() => this.release());
  }

  override _destroy(_fault: Error | null, done: (fault: Error | null) => void): void {
    this.#stage = 'out';
    this.#held = [];
    this.#heldBytes = 0;
    this.#assembly.clear();
    this.#socket.destroy();
    this.#host.left(this);
    done(null);
  }

  #onData(chunk: Buffer): void {
    if (this.#stage === 'out') return;
    this.#arrivalMs = this.#host.nowMs();
    const monotonicMs = performance.now();
    if (this.#stage === 'in' && monotonicMs - this.#aliveMs >= ALIVE_EVERY_MS) {
      this.#aliveMs = monotonicMs;
      this.#host.alive(this);
    }
    const at = this.#complete(chunk);
    if (this.stage !== 'out') this.#scan(chunk, at);
    if (this.#heldBytes > BROKER_LIMITS.heldBytes) this.#socket.pause();
  }

  /** Gives the packet that is not whole yet what belongs to it; answers where the next one begins. */
  #complete(chunk: Buffer): number {
    let at = 0;
    while (this.#assembly.bytes > 0 && at < chunk.length) {
      at = this.#assembly.append(chunk, at, this.#mostBytes());
      const frame = this.#assembly.takeWhole();
      if (this.#assembly.tooLarge) this.refuse('size');
      else if (frame) this.#take(frame, 0, headerBytes(frame, 0), frame.length);
      if (this.stage === 'out') break;
    }
    return at;
  }

  // HOT: once a packet.
  #scan(chunk: Buffer, from: number): void {
    let at = from;
    while (at < chunk.length && this.#stage !== 'out') {
      const end = frameEnd(chunk, at, chunk.length);
      if (end === -2 || end - at > this.#mostBytes()) {
        this.refuse('size');
        return;
      }
      if (end < 0 || end > chunk.length) {
        this.#assembly.append(chunk, at, this.#mostBytes());
        return;
      }
      this.#take(chunk, at, at + headerBytes(chunk, at), end);
      at = end;
    }
  }

  #mostBytes(): number {
    return this.#stage === 'stranger' ? BROKER_LIMITS.connectBytes : BROKER_LIMITS.packetBytes;
  }

  #take(bytes: Buffer, at: number, body: number, end: number): void {
    if (this.#stage === 'stranger') {
      this.#enter(bytes, at, body, end);
      return;
    }
    const goes = this.stage === 'in' && this.#held.length === 0 && this.#go(bytes, at, body, end);
    if (goes || this.stage === 'out') return;
    // A client that waits for the log would go away if its pings waited too.
    if (this.stage === 'in' && bytes[at] === PINGREQ && end - at === 2) this.#socket.write(PINGRESP);
    else {
      this.#held.push({ bytes: bytes.subarray(at, end), body: body - at });
      this.#heldBytes += end - at;
    }
  }

  #enter(bytes: Buffer, at: number, body: number, end: number): void {
    const { refusal, reply } = checkConnect(bytes[at], bytes, body, end);
    if (refusal) {
      this.refuse(refusal, { packet: 'connect' }, reply);
      return;
    }
    this.#stage = 'entering';
    this.#host.adopt(this);
    this.push(bytes.subarray(at, end));
  }

  /** False when the packet must wait. */
  #go(bytes: Buffer, at: number, body: number, end: number): boolean {
    const first = bytes[at];
    if (first >> 4 === PACKET.publish) return this.#publish(first, bytes, at, body, end);
    const fault = checkPacket(first, bytes, body, end);
    if (fault) this.refuse(fault, { packet: first >> 4 });
    else return this.#pass(bytes, at, end);
    return true;
  }

  // HOT: once a message.
  #publish(first: number, bytes: Buffer, at: number, body: number, end: number): boolean {
    const host = this.#host;
    if (host.intake.pressure()) {
      host.waiting.add(this);
      return false;
    }
    if (this.#socket.writableLength > BROKER_LIMITS.unreadBytes) return false;
    const qos = (first >> 1) & 3;
    const topicEnd = body + 2 + ((bytes[body] << 8) | bytes[body + 1]);
    const payloadAt = qos > 0 ? topicEnd + 2 : topicEnd;
    if (qos === 3 || body + 2 > end || payloadAt > end) return this.#deny('malformed', '');
    const route = this.#routeOf(bytes, body + 2, topicEnd);
    if (!route) return this.#deny('topic', '');
    if (!route.allowed) return this.#deny('foreign-topic', route.topic);
    const id = qos > 0 ? (bytes[topicEnd] << 8) | bytes[topicEnd + 1] : 0;
    if (qos > 0 && id === 0) return this.#deny('malformed', route.topic);
    if (!route.reading || qos === 2) {
      if (qos === 1 && this.#unacked > 0) return false;
      const goes = this.#pass(bytes, at, end);
      if (goes && qos === 1) this.#passing++;
      return goes;
    }
    if (qos === 1 && this.#passing > 0) return false;
    this.#offer(route, bytes.subarray(payloadAt, end), id, qos as 0 | 1, (first & 1) !== 0);
    return true;
  }

  #offer(route: Route, payload: Uint8Array, id: number, qos: 0 | 1, retain: boolean): void {
    const host = this.#host;
    if (qos === 1) this.#unacked++;
    if (route.version !== host.followersVersion()) {
      route.version = host.followersVersion();
      route.followed = host.hasFollowers(route.topic);
    }
    const sink = route.followed || retain ? this.#forwarder(route.topic, payload, qos, retain) : this;
    host.intake.offerTo(sink, id, route.topic, payload, this.#arrivalMs);
  }

  /** Subscribers get a reading once it is durable, even if the one who sent it has gone. */
  #forwarder(topic: string, payload: Uint8Array, qos: 0 | 1, retain: boolean): AckSink {
    return {
      settle: (id, fault) => {
        this.settle(id, fault);
        if (!fault) this.#host.forward(this, topic, payload, qos, retain);
      },
    };
  }

  #deny(reason: Rejection, topic: string): boolean {
    this.refuse(reason, { packet: PACKET.publish, topic: topic.slice(0, 128) });
    return true;
  }

  #pass(bytes: Buffer, at: number, end: number): boolean {
    if (this.#libraryFull) return false;
    this.#libraryFull = !this.push(bytes.subarray(at, end));
    return true;
  }

  /** What is known of a topic; devices mostly repeat the one before. Null: not a topic name. */
  #routeOf(bytes: Buffer, from: number, to: number): Route | null {
    const last = this.#route;
    if (last && last.bytes.length === to - from) {
      const known = last.bytes;
      let i = 0;
      while (i < known.length && known[i] === bytes[from + i]) i++;
      if (i === known.length) return last;
    }
    if (!isTopicName(bytes, from, to)) return null;
    const topic = bytes.toString('utf8', from, to);
    const allowed = this.#host.mayPublish(this, topic);
    const reading = allowed && this.#host.isReading(topic);
    this.#route = {
      bytes: Uint8Array.prototype.slice.call(bytes, from, to),
      topic,
      allowed,
      reading,
      followed: false,
      version: -1,
    };
    return this.#route;
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#stage === 'stranger' || this.#stage === 'out') this.destroy();
    else this.#endIfDone();
  }

  /** A client that has said all it has to say still gets the acknowledgements that it is owed. */
  #endIfDone(): void {
    if (this.#ended && this.#held.length === 0 && this.#unacked === 0) this.push(null);
  }

  #onDrain(): void {
    this.unreadSinceMs = 0;
    if (this.#held.length > 0) this.release();
  }
}
