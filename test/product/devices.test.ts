import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { beforeAll, describe, expect, test } from 'vitest';
import { Appliance, until, weir } from './appliance.ts';
import { finallyDo, temporaryDir } from './harness.ts';

/** An appliance as it is out of the box: nobody enters without credentials. */
let running: Appliance;
let data: string;
const passwords = new Map<string, string>();

beforeAll(async () => {
  data = await temporaryDir();
  await add('m1');
  running = await Appliance.start({ data, open: false });
  finallyDo(() => running.kill());
});

async function add(id: string): Promise<void> {
  const { status, stdout, stderr } = await weir('device', 'add', id, '--data', data, '--json');
  expect(status, stderr).toBe(0);
  passwords.set(id, JSON.parse(stdout).password);
}

async function enter(clientId: string, more: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${running.mqttPort}`, {
    protocolVersion: 4,
    reconnectPeriod: 0,
    clientId,
    username: clientId,
    password: passwords.get(clientId),
    ...more,
  });
  client.on('error', () => client.end(true));
  finallyDo(() => client.endAsync(true));
  return client;
}

const asked = (path: string, token?: string) =>
  fetch(new URL(path, running.http), token ? { headers: { authorization: `Bearer ${token}` } } : {});

const counted = async () => {
  const answer = await asked('/api/v1/ledger?stream=electricity', running.token ?? '');
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { counted: number }).counted;
};

describe('devices', () => {
  test('enter with the password that was made for them, also one added while it runs', async () => {
    const m1 = await enter('m1');
    await m1.publishAsync('meters/m1/electricity', JSON.stringify({ ts: Date.now(), used: 1 }), { qos: 1 });
    await add('m2');
    let m2: MqttClient | null = null;
    await until('the new device to be let in', async () => {
      m2 = await enter('m2');
      return true;
    });
    await m2!.publishAsync('meters/m2/electricity', JSON.stringify({ ts: Date.now(), used: 1 }), { qos: 1 });
    expect(await counted()).toBe(2);
  });

  test('are refused with a wrong password, without one, and when nobody knows them', async () => {
    await expect(enter('m1', { password: 'wrong' })).rejects.toThrow();
    await expect(enter('m1', { username: undefined, password: undefined })).rejects.toThrow();
    await expect(enter('stranger', { password: 'x' })).rejects.toThrow();
  });

  test("row 50: may not take another's client id", async () => {
    await expect(enter('m1', { clientId: 'm2' })).rejects.toThrow();
  });

  test('row 51: may not publish, or leave a will, to a foreign topic', async () => {
    const before = await counted();
    const m1 = await enter('m1');
    const closed = new Promise<void>((resolve) => m1.once('close', () => resolve()));
    m1.publish('meters/m2/electricity', JSON.stringify({ ts: Date.now(), used: 1 }), { qos: 1 });
    await closed;
    const payload = Buffer.from(JSON.stringify({ ts: Date.now(), used: 1 }));
    const withWill = enter('m1', {
      will: { topic: 'meters/m2/electricity', payload, qos: 1, retain: false },
    });
    const entered = await withWill.catch(() => null);
    entered?.stream.destroy();
    const m2 = await enter('m2');
    await m2.publishAsync('meters/m2/electricity', JSON.stringify({ ts: Date.now() + 1, used: 1 }), {
      qos: 1,
    });
    expect((await counted()) - before).toBe(1);
    expect(running.talk).toMatch(/foreign/);
  });

  test('of a list become known; those that were keep their passwords and get the topics of the list', async () => {
    const file = join(await temporaryDir(), 'devices.json');
    const apply = async (listed: object[]): Promise<unknown> => {
      await writeFile(file, JSON.stringify(listed));
      const { status, stdout, stderr } = await weir('device', 'apply', file, '--data', data, '--json');
      expect(status, stderr).toBe(0);
      return JSON.parse(stdout);
    };
    await add('m4');
    const listed = [
      { id: 'm4', publish: ['other/#'], subscribe: [] },
      { id: 'm5', publish: ['meters/m5/#'], subscribe: ['meters/m5/set'] },
    ];
    expect(await apply(listed)).toEqual({ added: ['m5'], changed: ['m4'] });
    expect(await apply(listed)).toEqual({ added: [], changed: [] });
    const { devices } = JSON.parse((await weir('device', 'list', '--data', data, '--json')).stdout);
    expect(devices).toMatchObject([{ id: 'm1' }, { id: 'm2' }, ...listed]);
    await until('the topics of the list to hold', async () => {
      const m4 = await enter('m4');
      const closed = new Promise<false>((resolve) => m4.once('close', () => resolve(false)));
      const payload = JSON.stringify({ ts: Date.now(), used: 1 });
      return Promise.race([m4.publishAsync('other/m4', payload, { qos: 1 }).then(() => true), closed]);
    });
    await expect(enter('m5', { password: 'x' })).rejects.toThrow();
    const bad = await weir('device', 'apply', data, '--data', data);
    expect([bad.status, bad.stderr]).toEqual([2, expect.stringContaining('cannot be read as JSON')]);
  });

  test('row 55: a revoked device is disconnected within ten seconds and does not come back', async () => {
    const m2 = await enter('m2');
    const closed = new Promise<void>((resolve) => m2.once('close', () => resolve()));
    const startedMs = performance.now();
    expect((await weir('device', 'revoke', 'm2', '--data', data)).status).toBe(0);
    await closed;
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await expect(enter('m2')).rejects.toThrow();
  });
});

test('questions need the token that was shown once at the first start; health does not', async () => {
  expect(running.token).toMatch(/^weir_/);
  expect((await asked('/healthz')).status).toBe(200);
  expect((await asked('/readyz')).status).toBe(200);
  for (const path of ['/api/v1/ledger', '/api/v1/rollups/usage', '/api/v1/live?rollup=usage', '/metrics'])
    expect([path, (await asked(path)).status]).toEqual([path, 401]);
  expect((await asked('/api/v1/status', 'weir_wrong')).status).toBe(401);
  expect((await asked('/api/v1/status', running.token ?? '')).status).toBe(200);
  const status = await weir('status', '--url', running.http);
  expect(status.status).toBe(5);
  expect((await weir('status', '--url', running.http, '--token', running.token ?? '')).status).toBe(0);
});

test('SIGTERM ends it with 0, and a second start shows no token again', async () => {
  expect(await running.stop()).toBe(0);
  const again = await Appliance.start({ data, open: false });
  finallyDo(() => again.kill());
  expect(again.token).toBeNull();
  const answer = await fetch(new URL('/api/v1/status', again.http), {
    headers: { authorization: `Bearer ${running.token}` },
  });
  expect(answer.status).toBe(200);
}, 60_000);
