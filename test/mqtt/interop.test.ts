import { expect, test } from 'vitest';
import { running, until } from './broker-harness.ts';
import { RawClient } from './raw-client.ts';

/** The clauses that Eclipse paho's interoperability suite for MQTT 3.1.1 looks at, in its order. */

const TOPICS = ['TopicA', 'TopicA/B', 'Topic/C', 'TopicA/C', '/TopicA'] as const;

interface Heard {
  topic: string;
  qos: number;
  retain: boolean;
  payload: string;
  dup: boolean;
}

function heard(client: RawClient): Heard[] {
  return client.of('publish').map((packet) => {
    const { topic, qos, retain, payload, dup } = packet as unknown as Heard & { payload: Buffer };
    return { topic, qos, retain, dup, payload: payload.toString() };
  });
}

async function subscribe(client: RawClient, ...filters: [string, 0 | 1 | 2][]): Promise<number[]> {
  const before = client.of('suback').length;
  const subscriptions = filters.map(([topic, qos]) => ({ topic, qos }));
  client.send({ cmd: 'subscribe', messageId: before + 1, subscriptions });
  return ((await client.next('suback', before + 1)) as { granted?: number[] }).granted ?? [];
}

/** Everything sent before is handled when the answer is there. */
async function settled(client: RawClient): Promise<void> {
  const before = client.of('pingresp').length;
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp', before + 1);
}

/** Publishes once at each QoS and finishes the handshakes. */
async function publishAtEachQos(
  client: RawClient,
  topics: readonly [string, string, string],
  retain = false,
) {
  client.publish(topics[0], 'qos 0', 0, 0, { retain });
  client.publish(topics[1], 'qos 1', 1, 1001, { retain });
  client.publish(topics[2], 'qos 2', 2, 1002, { retain });
  await client.next('puback');
  await client.next('pubrec');
  client.send({ cmd: 'pubrel', messageId: 1002 });
  await client.next('pubcomp');
}

test('basic: what is published at each QoS arrives at that QoS', async () => {
  const { port } = await running();
  const client = await RawClient.enter(port, 'a');
  await subscribe(client, [TOPICS[0], 2]);
  await publishAtEachQos(client, [TOPICS[0], TOPICS[0], TOPICS[0]]);
  await client.next('publish', 3);
  expect(
    heard(client)
      .map(({ qos }) => qos)
      .sort(),
  ).toEqual([0, 1, 2]);
  client.close();
});

test('basic: a second CONNECT on a connection closes it [MQTT-3.1.0-2]', async () => {
  const { port } = await running();
  const client = await RawClient.enter(port, 'a');
  client.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
    clientId: 'a',
  });
  await client.gone();
  const wrong = await RawClient.open(port);
  wrong.send({ cmd: 'pingreq' });
  await wrong.gone();
});

test('retained messages of each QoS are kept, matched by wildcards, and removed by empty ones', async () => {
  const { port } = await running();
  const a = await RawClient.enter(port, 'a');
  await publishAtEachQos(a, [TOPICS[1], TOPICS[2], TOPICS[3]], true);
  await settled(a);
  const b = await RawClient.enter(port, 'b');
  await subscribe(b, ['+/+', 2]);
  await b.next('publish', 3);
  expect(
    heard(b)
      .map(({ topic, qos, retain }) => `${topic} ${qos} ${retain}`)
      .sort(),
  ).toEqual(['Topic/C 1 true', 'TopicA/B 0 true', 'TopicA/C 2 true']);
  for (const topic of TOPICS) a.publish(topic, '', 0, 0, { retain: true });
  await settled(a);
  const c = await RawClient.enter(port, 'c');
  await subscribe(c, ['+/+', 2]);
  await settled(c);
  expect(heard(c)).toEqual([]);
  for (const client of [a, b, c]) client.close();
});

test('an empty client id is given one with a clean session, and refused without', async () => {
  const { port } = await running();
  const client = await RawClient.enter(port, '');
  expect(client.of('connack')).toMatchObject([{ returnCode: 0 }]);
  client.close();
  const kept = await RawClient.open(port);
  kept.bytes(0x10, 12, Uint8Array.of(0, 4), 'MQTT', Uint8Array.of(4, 0, 0, 0, 0, 0));
  await kept.next('connack');
  expect(kept.of('connack')).toMatchObject([{ returnCode: 2 }]);
  await kept.gone();
});

test('messages of QoS 1 and 2 wait for a client that is away', async () => {
  const { port, broker } = await running();
  const a = await RawClient.enter(port, 'a', { clean: false });
  await subscribe(a, ['+/+', 2]);
  a.send({ cmd: 'disconnect' });
  await a.gone();
  await until('it has left', () => broker.stats().connections === 0);
  const b = await RawClient.enter(port, 'b');
  await publishAtEachQos(b, [TOPICS[1], TOPICS[2], TOPICS[3]]);
  await settled(b);
  const again = await RawClient.enter(port, 'a', { clean: false });
  await again.next('publish', 2);
  expect(
    heard(again)
      .map(({ qos }) => qos)
      .sort(),
  ).toEqual([1, 2]);
  for (const client of [b, again]) client.close();
});

test('filters that overlap give one message, at the highest QoS of them [MQTT-3.3.5-1]', async () => {
  const { port } = await running();
  const client = await RawClient.enter(port, 'a');
  await subscribe(client, ['TopicA/#', 2], ['TopicA/+', 1]);
  client.publish(TOPICS[3], 'overlapping', 2, 77);
  await client.next('pubrec');
  await client.next('publish');
  await settled(client);
  expect(heard(client).map(({ qos }) => qos)).toEqual([2]);
  client.close();
});

test('a client that is silent for one and a half times its keepalive is closed, and its will is published', async () => {
  const { port } = await running();
  const watcher = await RawClient.enter(port, 'watcher');
  await subscribe(watcher, ['/TopicA', 2]);
  const will = { topic: '/TopicA', payload: Buffer.from('keepalive expiry'), qos: 0, retain: false };
  const silent = await RawClient.enter(port, 'silent', { keepalive: 1, will });
  const beganMs = performance.now();
  await silent.gone();
  expect(performance.now() - beganMs).toBeGreaterThan(1_400);
  await watcher.next('publish');
  expect(heard(watcher)[0].payload).toBe('keepalive expiry');
  watcher.close();
});

test('what was not acknowledged is delivered again on reconnect, marked as a duplicate, with its identifier', async () => {
  const { port, broker } = await running();
  const deaf = await RawClient.enter(port, 'b', { clean: false });
  await subscribe(deaf, ['TopicA/#', 2]);
  await broker.publish(TOPICS[1], Buffer.from('one'), { qos: 1, retain: false });
  await broker.publish(TOPICS[3], Buffer.from('two'), { qos: 1, retain: false });
  await deaf.next('publish', 2);
  deaf.socket.resetAndDestroy();
  await until('it has left', () => broker.stats().connections === 0);
  const again = await RawClient.enter(port, 'b', { clean: false });
  await again.next('publish', 2);
  expect(heard(again).map(({ payload, dup }) => [payload, dup])).toEqual([
    ['one', true],
    ['two', true],
  ]);
  expect(again.ids('publish')).toEqual(deaf.ids('publish'));
  for (const messageId of again.ids('publish')) again.send({ cmd: 'puback', messageId });
  await settled(again);
  again.close();
  await until('it has left', () => broker.stats().connections === 0);
  const third = await RawClient.enter(port, 'b', { clean: false });
  await settled(third);
  expect(heard(third)).toEqual([]);
  third.close();
});

test('a filter that may not be had is answered with 0x80 [MQTT-3.9.3-2]', async () => {
  const { port } = await running();
  const client = await RawClient.enter(port, 'a');
  expect(await subscribe(client, ['$SYS/nosubscribe', 2], ['a', 1])).toEqual([0x80, 1]);
  client.close();
});

test('wildcards at the start do not match topics that begin with a dollar [MQTT-4.7.2-1]', async () => {
  const { port } = await running();
  const client = await RawClient.enter(port, 'a');
  await subscribe(client, ['+/+', 2], ['#', 2]);
  client.publish('$TopicA/B', '', 1, 5);
  await client.next('puback');
  await settled(client);
  expect(heard(client)).toEqual([]);
  client.close();
});

test('after UNSUBSCRIBE nothing comes any more from that filter alone [MQTT-3.10.4-2]', async () => {
  const { port } = await running();
  const client = await RawClient.enter(port, 'a');
  await subscribe(client, ['TopicA', 2], ['TopicA/B', 2], ['Topic/C', 2]);
  client.send({ cmd: 'unsubscribe', messageId: 50, unsubscriptions: ['TopicA'] });
  await client.next('unsuback');
  for (const topic of ['TopicA', 'TopicA/B', 'Topic/C']) client.publish(topic, topic, 0);
  await client.next('publish', 2);
  await settled(client);
  expect(heard(client).map(({ topic }) => topic)).toEqual(['TopicA/B', 'Topic/C']);
  client.close();
});

test('[MQTT-2.3.1-1] a packet identifier of zero, [MQTT-2.2.2-2] reserved flags and [MQTT-3.3.1-4] QoS 3 close the connection', async () => {
  const { port } = await running();
  const wrong = [
    [0x32, 5, 0, 1, 0x61, 0, 0],
    [0x36, 5, 0, 1, 0x61, 0, 1],
    [0x60, 2, 0, 1],
    [0x80, 6, 0, 1, 0, 1, 0x61, 0],
    [0x82, 6, 0, 0, 0, 1, 0x61, 0],
    [0x82, 6, 0, 1, 0, 1, 0x61, 3],
    [0x82, 2, 0, 1],
    [0xc1, 0],
    [0xe0, 1, 0],
    [0x20, 2, 0, 0],
    [0x40, 3, 0, 1, 0],
  ];
  for (const bytes of wrong) {
    const client = await RawClient.enter(port, 'a');
    client.bytes(Uint8Array.from(bytes));
    await client.gone();
  }
});
