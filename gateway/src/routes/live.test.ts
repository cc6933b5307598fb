import { get as httpGet, type IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { type LiveChange, WeirError } from '@weir/node/contract';
import { describe, expect, test } from 'vitest';
import { createFakeBoard } from '../testing/fake-board.ts';
import { NOON, until, withGateway } from '../testing/with-gateway.ts';

interface Opened {
  answer: IncomingMessage;
  text(): string;
}

function openStream(url: string): Promise<Opened> {
  return new Promise((resolve, reject) => {
    httpGet(url, { agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', () => undefined);
      resolve({ answer, text: () => text });
    }).on('error', reject);
  });
}

const changesIn = (text: string): LiveChange[] =>
  [...text.matchAll(/event: change\ndata: (.*)\n\n/g)].map((match) => JSON.parse(match[1]));

describe('live', () => {
  test('tells a viewer what changes, and how soon to come back', async () => {
    const { gateway, board } = await withGateway();
    const stream = await openStream(`${gateway.url}/api/v1/live?rollup=usage&by=state&where.state=NY`);
    expect(stream.answer.headers['content-type']).toContain('text/event-stream');
    expect(stream.answer.headers['cache-control']).toBe('no-store');
    expect(stream.answer.headers['x-content-type-options']).toBe('nosniff');
    await until(() => stream.text().startsWith('retry: '));
    board.tick();
    await until(() => changesIn(stream.text()).length === 1);
    expect(changesIn(stream.text())[0].series[0].by).toEqual({ state: 'NY' });
  });

  test('viewers of one question share one subscription, which ends with the last of them', async () => {
    const { gateway, board } = await withGateway();
    const url = `${gateway.url}/api/v1/live?rollup=usage`;
    const streams = await Promise.all([openStream(url), openStream(url), openStream(url)]);
    expect(board.viewers()).toBe(1);
    board.tick();
    await until(() => streams.every((stream) => changesIn(stream.text()).length === 1));
    for (const stream of streams) stream.answer.destroy();
    await until(() => board.viewers() === 0);
  });

  test('a heartbeat keeps a silent stream alive', async () => {
    const { gateway } = await withGateway({ limits: { heartbeatMs: 20 } });
    const stream = await openStream(`${gateway.url}/api/v1/live?rollup=usage`);
    await until(() => stream.text().includes('\n: '));
    await until(() => stream.text().split(': still here').length > 2);
  });

  test('a question that cannot be answered is a fault and no stream', async () => {
    const { get } = await withGateway();
    expect((await get('/api/v1/live')).status).toBe(400);
    expect((await get('/api/v1/live?rollup=usgae')).status).toBe(404);
    expect((await get('/api/v1/live?rollup=usage&where.watts=3')).status).toBe(400);
    expect((await get('/api/v1/live?rollup=usage&step=7m')).status).toBe(400);
    expect((await get('/api/v1/live?rollup=usage', { method: 'HEAD' })).status).toBe(404);
  });

  test('a board that is not ready is a fault and no stream, and leaves no viewer behind', async () => {
    const { board, get } = await withGateway({ limits: { viewers: 1 } });
    const { live } = board;
    board.live = () => {
      throw new WeirError('WEIR_NOT_READY', 'shard 3 is replaying');
    };
    expect((await get('/api/v1/live?rollup=usage')).status).toBe(503);
    board.live = live;
    const answer = await get('/api/v1/live?rollup=usage');
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
  });

  test('what the board says at once comes after the head of the answer', async () => {
    const { gateway, board } = await withGateway();
    const { live } = board;
    board.live = (question, onChange) => {
      const leave = live(question, onChange);
      board.tick();
      return leave;
    };
    const stream = await openStream(`${gateway.url}/api/v1/live?rollup=usage`);
    expect(stream.answer.headers['content-type']).toContain('text/event-stream');
    await until(() => changesIn(stream.text()).length === 1);
  });

  test('more viewers than the bound are told so', async () => {
    const { gateway, get } = await withGateway({ limits: { viewers: 2 } });
    const url = `${gateway.url}/api/v1/live?rollup=usage`;
    const [first] = await Promise.all([openStream(url), openStream(url)]);
    expect((await get('/api/v1/live?rollup=usage')).status).toBe(429);
    first.answer.destroy();
    await until(() => first.answer.destroyed);
  });

  test('closing the gateway ends the streams', async () => {
    const { gateway } = await withGateway();
    const stream = await openStream(`${gateway.url}/api/v1/live?rollup=usage`);
    await gateway.close();
    await until(() => stream.answer.readableEnded || stream.answer.destroyed);
  });

  test('row 66: a viewer that stops reading is dropped, and others go on', async () => {
    const board = createFakeBoard({ now: () => NOON });
    const { gateway, get } = await withGateway({ client: board, limits: { viewerBytes: 64 * 1024 } });
    const path = '/api/v1/live?rollup=usage&by=meter';
    const reader = await openStream(`${gateway.url}${path}`);
    const frozen = new Socket();
    frozen.on('error', () => undefined);
    frozen.connect(gateway.port, '127.0.0.1', () => {
      frozen.pause();
      frozen.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    });
    const dropped = async () =>
      /^weir_live_viewers_dropped_total (\d+)/m.exec(await (await get('/metrics')).text())![1];
    // The kernel takes a few megabytes before anything waits in the process.
    let ticks = 0;
    while ((await dropped()) === '0') {
      board.tick();
      ticks++;
    }
    board.tick();
    expect(await dropped()).toBe('1');
    await until(() => changesIn(reader.text()).length === ticks + 1);
    frozen.destroy();
  });
});
