import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { after, reading, running, until } from './broker-harness.ts';
import { RawClient } from './raw-client.ts';

test('a reading of QoS 1 is acknowledged only after its record is durable', async () => {
  const { log, port } = await running();
  const client = await RawClient.enter(port, 'm1');
  log.stalled = true;
  client.publish('meters/m1/electricity', reading(), 1, 7);
  await until('the append is under way', () => log.waiting.length === 1);
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp');
  expect(client.of('puback')).toEqual([]);
  log.go();
  await client.next('puback');
  expect(client.ids('puback')).toEqual([7]);
  expect(log.readings).toBe(1);
  client.close();
});

test('a reading of QoS 2 gets PUBREC only after its record is durable, and counts once over a repeated PUBLISH', async () => {
  const { log, port } = await running();
  const client = await RawClient.enter(port, 'm1', { clean: false });
  const payload = reading();
  log.stalled = true;
  client.publish('meters/m1/electricity', payload, 2, 9);
  client.publish('meters/m1/electricity', payload, 2, 9, { dup: true });
  await until('the append is under way', () => log.waiting.length === 1);
  client.send({ cmd: 'pingreq' });
  expect(client.of('pubrec')).toEqual([]);
  log.go();
  await client.next('pubrec', 2);
  client.close();
  await client.gone();
  const again = await RawClient.enter(port, 'm1', { clean: false });
  again.publish('meters/m1/electricity', payload, 2, 9, { dup: true });
  await again.next('pubrec');
  again.send({ cmd: 'pubrel', messageId: 9 });
  await again.next('pubcomp');
  expect(log.readings).toBe(1);
  again.close();
});

test('acknowledgements of one client come in the order of its publishes, readings and others mixed', async () => {
  const { port } = await running();
  const client = await RawClient.enter(port, 'm1');
  const ids = Array.from({ length: 300 }, (_, i) => i + 1);
  for (const id of ids)
    client.publish(
      id % 3 === 0 ? 'chat/room' : 'meters/m1/electricity',
      id % 3 === 0 ? 'hi' : reading(),
      1,
      id,
    );
  await client.next('puback', ids.length);
  expect(client.ids('puback')).toEqual(ids);
  client.close();
});

test('a malformed reading is set aside and acknowledged, so that its device does not send it for ever [33]', async () => {
  const { log, url } = await running();
  const client = await connectAsync(url, { clientId: 'm1' });
  after(() => client.endAsync(true));
  await client.publishAsync('meters/m1/electricity', '{"ts": ', { qos: 1 });
  await client.publishAsync('meters/m1/electricity', '', { qos: 1 });
  expect(log.setAside).toBe(2);
});

test('readings of QoS 0 are counted too', async () => {
  const { log, url } = await running();
  const client = await connectAsync(url, { clientId: 'm1' });
  after(() => client.endAsync(true));
  for (let i = 0; i < 10; i++) client.publish('meters/m1/electricity', reading());
  await until('they are durable', () => log.readings === 10);
});

test('a subscriber gets a reading once it is durable and not before', async () => {
  const { log, url } = await running();
  const follower = await connectAsync(url, { clientId: 'f' });
  after(() => follower.endAsync(true));
  const heard: string[] = [];
  follower.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
  await follower.subscribeAsync('meters/#', { qos: 1 });
  const device = await connectAsync(url, { clientId: 'm1' });
  after(() => device.endAsync(true));
  log.stalled = true;
  const payload = reading();
  const acknowledged = device.publishAsync('meters/m1/electricity', payload, { qos: 1 });
  await until('the append is under way', () => log.waiting.length === 1);
  expect(heard).toEqual([]);
  log.go();
  await acknowledged;
  await until('it is heard', () => heard.length > 0);
  expect(heard).toEqual([`meters/m1/electricity ${payload}`]);
});

test('a client that sends all it has at once and closes its side is let in, counted and acknowledged', async () => {
  const { log, port, broker } = await running();
  log.stalled = true;
  const client = await RawClient.open(port);
  client.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
    clientId: 'm1',
  });
  for (let id = 1; id <= 60; id++) client.publish('meters/m1/electricity', reading(), 1, id);
  client.socket.end();
  await until('the append is under way', () => log.waiting.length === 1);
  log.go();
  await client.gone();
  expect(client.ids('puback').length).toBe(60);
  expect(log.readings).toBe(60);
  await until('it has left', () => broker.stats().connections === 0);
});

test('a client that sends nothing but readings is alive', async () => {
  const { port, log } = await running();
  const client = await RawClient.enter(port, 'm1', { keepalive: 1 });
  const sending = setInterval(() => client.publish('meters/m1/electricity', reading(), 0), 200);
  after(async () => clearInterval(sending));
  // Three times its keepalive; the protocol library has seen nothing but its CONNECT.
  await until('readings of three seconds are durable', () => log.readings >= 15);
  expect(client.closed).toBe(false);
  client.close();
});
