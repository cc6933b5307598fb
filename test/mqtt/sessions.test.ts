import { connect, connectAsync, type MqttClient } from 'mqtt';
import { expect, test } from 'vitest';
import { after, reading, running, temporaryDir, until } from './broker-harness.ts';
import { RawClient } from './raw-client.ts';

/** Connects with the listener in place, so that nothing that waited is missed. */
function listening(url: string, clientId: string, clean: boolean): { client: MqttClient; heard: string[] } {
  const heard: string[] = [];
  const client = connect(url, { clientId, clean });
  client.on('message', (topic, payload, packet) =>
    heard.push(`${topic} ${payload.toString()} qos${packet.qos}${packet.retain ? ' retained' : ''}`),
  );
  after(() => client.endAsync(true));
  return { client, heard };
}

test('retained messages, sessions and what waits for them live over a restart of the broker', async () => {
  const sessionsDir = `${await temporaryDir()}/sessions`;
  const first = await running({ sessionsDir });
  const away = await connectAsync(first.url, { clientId: 'away', clean: false });
  await away.subscribeAsync({ 'orders/+': { qos: 1 }, 'plans/#': { qos: 2 } });
  await away.endAsync();
  const talker = await connectAsync(first.url, { clientId: 'talker' });
  await talker.publishAsync('state/door', 'open', { qos: 1, retain: true });
  await talker.publishAsync('state/light', 'on', { qos: 1, retain: true });
  await talker.publishAsync('state/light', '', { qos: 1, retain: true });
  await talker.publishAsync('orders/1', 'a', { qos: 2 });
  await talker.publishAsync('plans/x/y', 'b', { qos: 2 });
  await talker.publishAsync('plans', 'c', { qos: 0 });
  await talker.endAsync();
  await first.broker.close();
  const second = await running({ sessionsDir });
  const { client, heard } = listening(second.url, 'away', false);
  await until('what waited is delivered', () => heard.length === 2);
  expect(heard).toEqual(['orders/1 a qos1', 'plans/x/y b qos2']);
  await client.subscribeAsync('state/#', { qos: 1 });
  await until('the retained one is delivered', () => heard.length === 3);
  expect(heard[2]).toBe('state/door open qos1 retained');
});

test('a clean log-in ends the session, and what was delivered is not delivered again', async () => {
  const { url, broker } = await running();
  const first = await connectAsync(url, { clientId: 'c', clean: false });
  await first.subscribeAsync('a/#', { qos: 1 });
  await first.endAsync();
  await broker.publish('a/1', Buffer.from('x'), { qos: 1, retain: false });
  const second = listening(url, 'c', false);
  await until('it is heard', () => second.heard.length === 1);
  await second.client.endAsync();
  const third = await RawClient.enter(broker.tcp?.port ?? 0, 'c', { clean: false });
  expect(third.of('connack')).toMatchObject([{ sessionPresent: true }]);
  third.send({ cmd: 'pingreq' });
  await third.next('pingresp');
  expect(third.of('publish')).toEqual([]);
  third.close();
  const clean = await RawClient.enter(broker.tcp?.port ?? 0, 'c', { clean: true });
  expect(clean.of('connack')).toMatchObject([{ sessionPresent: false }]);
  clean.close();
  await until('it has left', () => broker.stats().connections === 0);
  const after = await RawClient.enter(broker.tcp?.port ?? 0, 'c', { clean: false });
  expect(after.of('connack')).toMatchObject([{ sessionPresent: false }]);
  after.close();
});

test('a will is published when its client is cut off, and not when it says goodbye', async () => {
  const { url, port } = await running();
  const { client, heard } = listening(url, 'watcher', true);
  await client.subscribeAsync('gone/#', { qos: 1 });
  const will = (topic: string) => ({ will: { topic, payload: Buffer.from('bye'), qos: 1, retain: false } });
  const polite = await RawClient.enter(port, 'polite', will('gone/polite'));
  polite.send({ cmd: 'disconnect' });
  await polite.gone();
  const rude = await RawClient.enter(port, 'rude', will('gone/rude'));
  rude.socket.resetAndDestroy();
  await until('the will is heard', () => heard.length > 0);
  expect(heard).toEqual(['gone/rude bye qos1']);
});

test('a will that is a reading is counted like any other', async () => {
  const { port, log } = await running();
  const will = { topic: 'meters/m1/electricity', payload: Buffer.from(reading()), qos: 1, retain: false };
  const client = await RawClient.enter(port, 'm1', { will });
  client.socket.resetAndDestroy();
  await until('it is durable', () => log.readings === 1);
});

test('a retained reading is kept for subscribers that come later, and counted once', async () => {
  const { url, log } = await running();
  const device = await connectAsync(url, { clientId: 'm1' });
  const payload = reading();
  await device.publishAsync('meters/m1/electricity', payload, { qos: 1, retain: true });
  await device.endAsync();
  const { client, heard } = listening(url, 'late', true);
  await client.subscribeAsync('meters/+/electricity', { qos: 1 });
  await until('it is heard', () => heard.length === 1);
  expect(heard).toEqual([`meters/m1/electricity ${payload} qos1 retained`]);
  expect(log.readings).toBe(1);
});

test('readings wait for an absent subscriber of QoS 1 too', async () => {
  const { url, broker } = await running();
  const away = await connectAsync(url, { clientId: 'away', clean: false });
  await away.subscribeAsync('meters/#', { qos: 1 });
  await away.endAsync();
  const device = await connectAsync(url, { clientId: 'm1' });
  after(() => device.endAsync(true));
  for (let i = 0; i < 5; i++) await device.publishAsync('meters/m1/electricity', reading(i), { qos: 1 });
  await broker.intake.drain();
  const { heard } = listening(url, 'away', false);
  await until('all are heard', () => heard.length === 5);
});

test('a client that comes back takes over from its former connection, in open mode', async () => {
  const { port } = await running();
  const former = await RawClient.enter(port, 'same');
  const later = await RawClient.enter(port, 'same');
  await former.gone();
  later.send({ cmd: 'pingreq' });
  await later.next('pingresp');
  later.close();
});

test('subscriptions that end in any way leave the others hearing readings', async () => {
  const { port, broker } = await running();
  const follower = await RawClient.enter(port, 'stays');
  follower.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'meters/#', qos: 0 }] });
  await follower.next('suback');
  for (let i = 0; i < 20; i++) {
    const other = await RawClient.enter(port, `goes${i}`);
    other.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'meters/+/electricity', qos: 0 }],
    });
    await other.next('suback');
    other.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['meters/+/electricity'] });
    if (i % 2 === 0) other.send({ cmd: 'disconnect' });
    other.close();
  }
  await until('they have left', () => broker.stats().connections === 1);
  follower.publish('meters/m1/electricity', reading(), 1, 1);
  await follower.next('publish');
  follower.close();
});
