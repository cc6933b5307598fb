import type { MqttClient } from 'mqtt';
import { readRows } from '../archive/read-rows.ts';
import { FORMATS, formatOf, type Row } from '../archive/row.ts';
import { type SiteAnswer, WeirError } from '../contract/index.ts';
import { ask, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, hostPort, type Invocation, needed, text } from './command.ts';
import { type StreamOfSite, streamOf, timeColumns } from './stream-columns.ts';

/** Readings of one message, and messages that wait for their acknowledgement. */
const PACK_READINGS = 200;
const IN_FLIGHT = 16;
/** Topics that are gathered at once; past it all of them are sent. */
const TOPICS = 1_000;
const CONNECT_MS = 10_000;

export const importCommand: Command = {
  name: 'import',
  usage: 'import FILE --stream NAME [--mqtt HOST:PORT] [--user NAME --password TEXT]',
  summary:
    'Sends the readings of a file to a running appliance, as devices send them: they are late arrivals like any others, and what is there already counts once.',
  options: {
    ...URL_OPTIONS,
    stream: { type: 'string', value: 'NAME', help: 'the stream that the readings belong to' },
    mqtt: { type: 'string', value: 'HOST:PORT', help: 'where MQTT is taken', default: '127.0.0.1:1883' },
    user: {
      type: 'string',
      value: 'NAME',
      help: 'where a log-in is needed: a device that may publish the topics',
    },
    password: { type: 'string', value: 'TEXT', help: 'its password' },
  },
  async run(invocation) {
    const file = invocation.args[0];
    if (file === undefined)
      throw new WeirError('WEIR_USAGE', 'name the file, as in: weir import readings.csv');
    const format = formatOf(file);
    if (format === null)
      throw new WeirError(
        'WEIR_USAGE',
        `the name of the file must end with ${FORMATS.map((one) => `.${one}`).join(', ')}`,
      );
    const site = await ask<SiteAnswer>(invocation, '/api/v1/site');
    const stream = streamOf(site, needed(invocation, 'stream'));
    const client = await connect(invocation);
    try {
      const sender = new PackSender(client);
      let rows = 0;
      for await (const row of readRows(file, format, timeColumns(stream))) {
        rows++;
        const message = messageOf(stream, row);
        if (message === null)
          throw new WeirError(
            'WEIR_BAD_QUESTION',
            `row ${rows} lacks its time, or what the topic of ${stream.name} is made of; the rows before it were sent`,
          );
        await sender.add(message.topic, message.body);
      }
      await sender.settle();
      if (invocation.json) process.stdout.write(`${JSON.stringify({ file, stream: stream.name, rows })}\n`);
      else
        process.stderr.write(
          `${rows} readings sent and acknowledged; weir ledger says what became of them\n`,
        );
      return EXIT.fine;
    } finally {
      await client.endAsync();
    }
  },
};

async function connect(invocation: Invocation): Promise<MqttClient> {
  const { host, port } = hostPort(text(invocation, 'mqtt') ?? '', 'mqtt');
  const { default: mqtt } = await import('mqtt');
  const [username, password] = [text(invocation, 'user'), text(invocation, 'password')];
  try {
    return await mqtt.connectAsync({
      host,
      port,
      protocol: 'mqtt',
      protocolVersion: 4,
      connectTimeout: CONNECT_MS,
      reconnectPeriod: 0,
      ...(username === undefined ? {} : { username, clientId: username }),
      ...(password === undefined ? {} : { password }),
    });
  } catch (cause) {
    throw new WeirError(
      'WEIR_UNREACHABLE',
      `MQTT at ${host}:${port} does not take the connection: ${String(cause)}`,
      {
        cause,
      },
    );
  }
}

/** The message that a device would send: what the topic says is not said again. Null when the row lacks something. */
export function messageOf(
  stream: StreamOfSite,
  row: Row,
): { topic: string; body: Record<string, unknown> } | null {
  if (stream.timeField === null || typeof row.time !== 'number') return null;
  for (const { from } of stream.sources) {
    const inTopic = [...from.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const values = inTopic.map((name) => row[name]);
    if (!values.every((value) => typeof value === 'string' && /^[^/+#\0]+$/.test(value))) continue;
    const topic = inTopic.reduce(
      (text, name, at) => text.replace(`{${name}}`, () => String(values[at])),
      from,
    );
    const names = [stream.keyField, ...stream.fields.map(({ name }) => name)];
    const body: Record<string, unknown> = { [stream.timeField]: row.time };
    for (const name of names) {
      const value = row[name] ?? null;
      if (value !== null && !inTopic.includes(name)) body[name] = value;
    }
    return { topic, body };
  }
  return null;
}

/** Gathers readings of one topic into packs, and waits while too many are not acknowledged. */
class PackSender {
  readonly #client: MqttClient;
  readonly #packs = new Map<string, Record<string, unknown>[]>();
  readonly #inFlight = new Set<Promise<unknown>>();

  constructor(client: MqttClient) {
    this.#client = client;
  }

  async add(topic: string, body: Record<string, unknown>): Promise<void> {
    const pack = this.#packs.get(topic) ?? [];
    this.#packs.set(topic, pack);
    pack.push(body);
    if (pack.length >= PACK_READINGS) await this.#send(topic);
    if (this.#packs.size > TOPICS) await this.#sendAll();
  }

  async settle(): Promise<void> {
    await this.#sendAll();
    await Promise.all(this.#inFlight);
  }

  async #sendAll(): Promise<void> {
    for (const topic of [...this.#packs.keys()]) await this.#send(topic);
  }

  async #send(topic: string): Promise<void> {
    const payload = JSON.stringify(this.#packs.get(topic));
    this.#packs.delete(topic);
    const sent = this.#client.publishAsync(topic, payload, { qos: 1 });
    const counted: Promise<unknown> = sent.finally(() => this.#inFlight.delete(counted));
    this.#inFlight.add(counted);
    if (this.#inFlight.size >= IN_FLIGHT) await Promise.race(this.#inFlight);
  }
}
