import type { LedgerAnswer } from '@weir/node/contract';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { beforeAll, expect, test } from 'vitest';
import { type Appliance, until } from './appliance.ts';
import { appliance, finallyDo, temporaryDir } from './harness.ts';

let weir: Appliance;
let data: string;
beforeAll(async () => {
  data = await temporaryDir();
  weir = await appliance({ data });
});

interface Heard {
  topic: string;
  text: string;
  retain: boolean;
}

async function client(url: string, options: IClientOptions = {}): Promise<MqttClient & { heard: Heard[] }> {
  const one = connect(url, { protocolVersion: 4, reconnectPeriod: 0, ...options });
  finallyDo(() => one.endAsync(true));
  const heard: Heard[] = [];
  // Before it is connected: what waits for a session comes in the same moment as the word that it is.
  one.on('message', (topic, payload, { retain }) => heard.push({ topic, text: payload.toString(), retain }));
  await new Promise<void>((resolve, reject) => {
    one.once('connect', () => resolve()).once('error', reject);
  });
  return Object.assign(one, { heard });
}

const tcp = () => `mqtt://127.0.0.1:${weir.mqttPort}`;
const ws = () => `${weir.http.replace('http', 'ws')}/mqtt`;

test('a retained message greets whoever comes later, over TCP and over WebSocket, and after a restart', async () => {
  const one = await client(tcp());
  await one.publishAsync('notes/today', 'sunny', { qos: 1, retain: true });
  for (const url of [tcp(), ws()]) {
    const later = await client(url);
    await later.subscribeAsync('notes/#', { qos: 1 });
    await until('the retained message', () => later.heard.length === 1);
    expect(later.heard).toEqual([{ topic: 'notes/today', text: 'sunny', retain: true }]);
  }
  expect(await weir.stop()).toBe(0);
  weir = await appliance({ data });
  const afterwards = await client(ws());
  await afterwards.subscribeAsync('notes/today', { qos: 1 });
  await until('the retained message', () => afterwards.heard.length === 1);
  expect(afterwards.heard[0]).toEqual({ topic: 'notes/today', text: 'sunny', retain: true });
}, 40_000);

test('a will is told when a client goes without a word, and is not when it says goodbye', async () => {
  const watcher = await client(tcp());
  await watcher.subscribeAsync('wills/#', { qos: 1 });
  const will = (topic: string) => ({
    will: { topic, payload: Buffer.from('gone'), qos: 1, retain: false } as const,
  });
  const polite = await client(tcp(), will('wills/polite'));
  await polite.endAsync();
  const abrupt = await client(ws(), will('wills/abrupt'));
  abrupt.stream.destroy();
  await until('the will', () => watcher.heard.length > 0);
  expect(watcher.heard).toEqual([{ topic: 'wills/abrupt', text: 'gone', retain: false }]);
});

test('a reading over WebSocket is counted, and a subscriber of its topic hears it', async () => {
  const count = async () => (await weir.json<LedgerAnswer>('/api/v1/ledger?stream=electricity')).counted;
  const before = await count();
  const listener = await client(tcp());
  await listener.subscribeAsync('meters/+/electricity', { qos: 1 });
  const sender = await client(ws());
  for (const qos of [0, 1, 2] as const) {
    const text = JSON.stringify({ ts: Date.now() - 1000 + qos, used: 1 });
    await sender.publishAsync('meters/ws1/electricity', text, { qos });
    await until('the subscriber to hear it', () => listener.heard.some((one) => one.text === text));
  }
  expect((await count()) - before).toBe(3);
});

test('a session that is kept gets what came while its client was away', async () => {
  const options = { clientId: 'sleeper', clean: false };
  const first = await client(tcp(), options);
  await first.subscribeAsync('orders/#', { qos: 1 });
  await first.endAsync();
  const sender = await client(tcp());
  await sender.publishAsync('orders/1', 'while away', { qos: 1 });
  const again = await client(tcp(), options);
  await until('what was queued', () => again.heard.length === 1);
  expect(again.heard[0].text).toBe('while away');
});
