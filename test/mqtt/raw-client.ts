import { connect, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { until } from './broker-harness.ts';

/** A client that sends what it is told, right or wrong, and remembers what comes back. */
export class RawClient {
  readonly socket: Socket;
  readonly packets: Packet[] = [];
  closed = false;

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return client;
  }

  /** Connected and let in. */
  static async enter(port: number, clientId: string, more: object = {}): Promise<RawClient> {
    const client = await RawClient.open(port);
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 0,
      clientId,
      ...more,
    });
    await client.next('connack');
    return client;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    const parser = mqttPacket.parser();
    parser.on('packet', (packet) => this.packets.push(packet));
    parser.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => parser.parse(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  send(packet: object): void {
    this.socket.write(mqttPacket.generate(packet as Packet));
  }

  bytes(...bytes: (number | Uint8Array | string)[]): void {
    this.socket.write(
      Buffer.concat(
        bytes.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as string))),
      ),
    );
  }

  publish(topic: string, payload: string | Buffer, qos: 0 | 1 | 2, messageId = 0, more: object = {}): void {
    this.send({
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain: false,
      dup: false,
      ...(qos > 0 ? { messageId } : {}),
      ...more,
    });
  }

  of(cmd: string): Packet[] {
    return this.packets.filter((packet) => packet.cmd === cmd);
  }

  ids(cmd: string): number[] {
    return this.of(cmd).map((packet) => packet.messageId as number);
  }

  async next(cmd: string, count = 1): Promise<Packet> {
    await until(`${count} ${cmd}`, () => this.of(cmd).length >= count || this.closed);
    const found = this.of(cmd)[count - 1];
    if (!found) throw new Error(`closed before ${cmd} came`);
    return found;
  }

  async gone(withinMs = 10_000): Promise<void> {
    await until('the connection is closed', () => this.closed, withinMs);
  }

  close(): void {
    this.socket.destroy();
  }
}
