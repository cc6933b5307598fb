import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { isWeirError } from '@weir/node/contract';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { simOptions } from '../run/options.ts';
import { runSim } from '../run/run-sim.ts';
import { LoadClient } from './load-client.ts';
import { MqttSender } from './mqtt-sender.ts';
import { TapeWriter } from './tape.ts';

interface Seen {
  topic: string;
  payload: string;
  dup: boolean;
  client: string;
}

let broker: Aedes;
let server: Server;
let port: number;
const sockets = new Set<Socket>();
const seen: Seen[] = [];

async function listen(at: number): Promise<void> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
}

async function unplug(): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}

beforeEach(async () => {
  seen.length = 0;
  broker = await Aedes.createBroker();
  broker.authenticate = (_client, username, password, done) =>
    done(null, username === undefined || (username === 'meter' && String(password) === 'secret'));
  broker.on('publish', (packet, client) => {
    if (client !== null)
      seen.push({ topic: packet.topic, payload: String(packet.payload), dup: packet.dup, client: client.id });
  });
  await listen(0);
});

afterEach(async () => {
  await unplug();
  await new Promise<void>((resolve) => broker.close(resolve));
});

const target = () => ({ host: '127.0.0.1', port, clientId: 'sim' });
const FROM = Date.UTC(2026, 10, 19);
const history = (more: object = {}) =>
  simOptions({
    mqtt: target(),
    utility: { seed: 's', meters: 30, heartbeatMs: 5_000, utilities: ['electricity', 'gas', 'water'] },
    fromMs: FROM,
    toMs: FROM + 60_000,
    speed: Number.POSITIVE_INFINITY,
    ...more,
  });

test.each(['light', 'shared', 'per-device'] as const)(
  'the %s client delivers the same history, each device in order',
  async (client) => {
    const done = await runSim(history({ client, window: 50 }));
    expect([done.sent, done.acked, done.ackedReadings]).toEqual([360, 360, 360]);
    expect(done.p99Ms).toBeGreaterThan(0);
    const last = new Map<string, number>();
    for (const { topic, payload } of seen) {
      const { ts } = JSON.parse(payload);
      expect(ts).toBeGreaterThan(last.get(topic) ?? 0);
      last.set(topic, ts);
    }
    expect(seen.length).toBe(360);
    expect(new Set(seen.map((each) => each.client)).size).toBe(client === 'per-device' ? 30 : 4);
  },
);

test('duplicates go out with the DUP flag and packs count their readings', async () => {
  const behaviours = { duplicates: { share: 0.5, upToMs: 1_000 } };
  await runSim(history({ client: 'light', behaviours }));
  expect(seen.filter(({ dup }) => dup).length).toBeGreaterThan(50);
  const done = await runSim(history({ client: 'light', packReadings: 10 }));
  expect([done.acked, done.ackedReadings]).toEqual([36, 360]);
});

test('a count ends the run, and so does the signal', async () => {
  const counted = await runSim(history({ client: 'light', count: 100 }));
  expect(counted.ackedReadings).toBe(100);
  const stop = new AbortController();
  const live = runSim(history({ fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY, speed: 1 }), stop.signal);
  await expect.poll(() => seen.length).toBeGreaterThan(100);
  stop.abort();
  const done = await live;
  expect(done.acked).toBe(done.sent);
});

test('a rate is kept', async () => {
  const options = history({ rate: 1_000, count: 300, client: 'light' });
  const done = await runSim(options);
  expect(done.seconds).toBeGreaterThan(0.25);
  expect(done.ackedReadings).toBe(300);
});

test('what is published while the broker is away is delivered when it is back', async () => {
  const forever = new AbortController().signal;
  const sender = new MqttSender({ ...target() }, 2, 100);
  await sender.open(forever);
  const message = (device: number) => ({
    sendMs: 0,
    device,
    topic: `meters/${device}`,
    payload: '{}',
    readings: 1,
    dup: false,
  });
  await sender.send([message(0), message(1)], forever);
  await sender.settle(forever);
  const samePort = port;
  await unplug();
  await sender.send(
    Array.from({ length: 20 }, (_, device) => message(device)),
    forever,
  );
  await listen(samePort);
  await sender.settle(forever);
  await sender.close();
  expect(new Set(seen.map(({ topic }) => topic)).size).toBe(20);
  expect(sender.counts().acked).toBe(22);
});

test.each(['light', 'shared'] as const)(
  'wrong credentials and a closed port are told apart by the %s client',
  async (client) => {
    const code = async (mqtt: object): Promise<string> => {
      try {
        await runSim(history({ client, mqtt: { ...target(), ...mqtt } }));
        return 'none';
      } catch (fault) {
        return isWeirError(fault) ? fault.code : String(fault);
      }
    };
    expect(await code({ username: 'meter', password: 'wrong' })).toBe('WEIR_NOT_ALLOWED');
    expect(await code({ username: 'meter', password: 'secret' })).toBe('none');
    expect(await code({ port: 1 })).toBe('WEIR_UNREACHABLE');
  },
);

test('the light client never has more on its way than its window', async () => {
  let most = 0;
  const client = new LoadClient({ ...target(), window: 7 });
  broker.authorizePublish = (_client, _packet, done) => {
    most = Math.max(most, client.inFlight);
    setImmediate(done, null);
  };
  const writer = new TapeWriter();
  for (let frame = 0; frame < 500; frame++) writer.add('t', String(frame), 1);
  await client.open();
  await client.send(writer.tape());
  await client.settle();
  await client.close();
  expect(most).toBeLessThanOrEqual(7);
  expect(client.acked).toBe(500);
});

test('a broker that goes away ends the light client’s run with the reason', async () => {
  const client = new LoadClient({ ...target(), window: 10 });
  broker.authorizePublish = () => {};
  const writer = new TapeWriter();
  for (let frame = 0; frame < 50; frame++) writer.add('t', '', 1);
  await client.open();
  const sending = client.send(writer.tape());
  const ended = expect(sending).rejects.toThrow(/closed|ECONNRESET/);
  await expect.poll(() => client.inFlight).toBe(10);
  for (const socket of sockets) socket.destroy();
  await ended;
  expect(client.acked).toBe(0);
  await client.close();
});

test('a client can be closed while its broker hangs up on it', async () => {
  for (let round = 0; round < 20; round++) {
    const client = new LoadClient({ ...target(), clientId: `hung-up-${round}`, window: 10 });
    await client.open();
    const mine = [...sockets].at(-1)!;
    if (round % 2 === 0) mine.destroy();
    else mine.end();
    for (let turn = 0; turn < round; turn++) await new Promise(setImmediate);
    await client.close();
  }
});
