import { mkdtempSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { isWholeHead, rawRequest, until, withGateway } from '../testing/with-gateway.ts';

function get(path: string, headers: Record<string, string>): string {
  const lines = Object.entries({ host: 'localhost', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

const statusOf = (text: string): number => Number(text.slice(9, 12));

describe('row 56: slowloris', () => {
  const limits = { headersMs: 200, requestMs: 400, checkingMs: 50 };

  test('headers that trickle in are cut off', async () => {
    const { gateway } = await withGateway({ limits });
    const { text, closed } = await rawRequest(
      gateway.port,
      'GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ',
    );
    expect(closed).toBe(true);
    expect(statusOf(text)).toBe(408);
  });

  test('a body that never comes is cut off', async () => {
    const { gateway } = await withGateway({ limits });
    const head =
      'POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{';
    expect((await rawRequest(gateway.port, head)).closed).toBe(true);
  });
});

test('row 56: silent sockets of one source leave room for others, and are closed in time', async () => {
  const limits = { headersMs: 200, checkingMs: 50, connectionsPerSource: 20 };
  const { gateway } = await withGateway({ limits });
  let closed = 0;
  for (let i = 0; i < 50; i++) {
    connect(gateway.port, '127.0.0.1')
      .on('error', () => undefined)
      .on('close', () => closed++)
      .resume();
  }
  await until(() => closed >= 30);
  await until(() => closed === 50);
});

describe('row 57: a body of 1 GB', () => {
  test.each([
    ['POST', '/api/v1/login'],
    ['POST', '/nowhere'],
    ['GET', '/api/v1/site'],
    ['PUT', '/api/v1/site'],
  ])('%s %s is refused by its announced length, before any of it is sent', async (method, path) => {
    const { gateway } = await withGateway();
    const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n`;
    const { text, closed } = await rawRequest(gateway.port, head);
    expect(statusOf(text)).toBe(413);
    expect(closed).toBe(true);
  });

  test('a body without a length is cut at the bound', async () => {
    const { gateway } = await withGateway();
    const head =
      'POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n';
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const { text, closed } = await rawRequest(gateway.port, head + chunk + chunk);
    expect(statusOf(text)).toBe(413);
    expect(closed).toBe(true);
  });

  test('a client that asks first is told no before it sends', async () => {
    const { gateway } = await withGateway();
    const head =
      'POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n';
    const { text } = await rawRequest(gateway.port, head);
    expect(statusOf(text)).toBe(413);
  });
});

describe('row 58: path traversal', () => {
  test.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/..%5csecret.txt',
    '/%2e%2e%2f%2e%2e%2fetc/passwd',
    '/%00',
    '/%c0%ae%c0%ae/secret.txt',
    '/.hidden',
    '//etc/passwd',
  ])('%s is answered 404', async (path) => {
    const root = mkdtempSync(join(tmpdir(), 'weir-ui-'));
    const uiDir = mkdtempSync(join(root, 'dist-'));
    writeFileSync(join(root, 'secret.txt'), 'secret');
    writeFileSync(join(uiDir, '.hidden'), 'secret');
    writeFileSync(join(uiDir, 'index.html'), '<!doctype html>');
    const { gateway } = await withGateway({ uiDir });
    const { text } = await rawRequest(gateway.port, get(path, { connection: 'close' }));
    expect(statusOf(text)).toBe(404);
    expect(text).toContain('WEIR_NOT_FOUND');
    expect(text).not.toContain('secret"');
  });
});

describe('row 60: foreign names and origins', () => {
  test.each([
    ['localhost', 200],
    ['127.0.0.1:1234', 200],
    ['[::1]:8080', 200],
    ['LOCALHOST:8080', 200],
    ['weir.example', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['192.0.2.1', 403],
    ['localhost@evil.example', 403],
    ['', 403],
  ])('the host %j is answered %i', async (host, status) => {
    const { gateway } = await withGateway({ hostnames: ['weir.example'] });
    const { text } = await rawRequest(gateway.port, get('/api/v1/site', { host, connection: 'close' }));
    expect(statusOf(text)).toBe(status);
  });

  test.each<[Record<string, string>, number]>([
    [{ origin: 'http://localhost' }, 200],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'http://localhost:3000' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    [{ 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }, 200],
  ])('a request with %j is answered %i', async (headers, status) => {
    const { gateway } = await withGateway();
    const { text } = await rawRequest(gateway.port, get('/api/v1/site', { ...headers, connection: 'close' }));
    expect(statusOf(text)).toBe(status);
  });

  test('an upgrade of a foreign page never reaches the broker', async () => {
    let upgrades = 0;
    const { gateway } = await withGateway({
      webSocket: (_request, socket) => {
        upgrades++;
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      },
    });
    const headers = { connection: 'upgrade', upgrade: 'websocket' };
    const foreign = await rawRequest(
      gateway.port,
      get('/mqtt', { ...headers, origin: 'http://evil.example' }),
    );
    expect(statusOf(foreign.text)).toBe(403);
    expect(statusOf((await rawRequest(gateway.port, get('/other', headers))).text)).toBe(404);
    expect(upgrades).toBe(0);
    expect(statusOf((await rawRequest(gateway.port, get('/mqtt', headers))).text)).toBe(101);
  });
});

test('a client that would like HTTP/2 is answered in HTTP/1.1', async () => {
  const { gateway } = await withGateway();
  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
  const { text } = await rawRequest(gateway.port, get('/healthz', headers), isWholeHead);
  expect(statusOf(text)).toBe(200);
});

test('a socket that the broker took over outlives the silence that ends others', async () => {
  const upgraded: Duplex[] = [];
  const { gateway } = await withGateway({
    limits: { idleMs: 100 },
    webSocket: (_request, socket) => upgraded.push(socket),
  });
  const client = connect(gateway.port, '127.0.0.1').on('error', () => undefined);
  client.write(get('/mqtt', { connection: 'upgrade', upgrade: 'websocket' }));
  await until(() => upgraded.length === 1);
  const silent = await rawRequest(gateway.port, '');
  expect(silent.closed).toBe(true);
  expect(upgraded[0].destroyed).toBe(false);
  client.destroy();
});

describe('row 63: a question whose client goes', () => {
  test('is cancelled in the board', async () => {
    const { gateway, board } = await withGateway();
    board.hold = new Promise(() => undefined);
    const agent = new Agent();
    const asked = request(`${gateway.url}/api/v1/rollups/usage`, { agent }).on('error', () =>
      agent.destroy(),
    );
    asked.end();
    await until(() => board.signals.length === 1);
    asked.destroy();
    await until(() => board.signals[0].aborted);
  });

  test('a question that takes too long is cancelled and told so', async () => {
    const { board, get: ask } = await withGateway({ limits: { questionMs: 50 } });
    board.hold = new Promise(() => undefined);
    const answer = await ask('/api/v1/rollups/usage');
    expect(answer.status).toBe(400);
    expect((await answer.json()).error.code).toBe('WEIR_TOO_MUCH');
    expect(board.signals[0].aborted).toBe(true);
  });

  test('more questions than fit wait for their turn, and more than that are told to come again', async () => {
    const { board, get: ask } = await withGateway({ limits: { questionsRunning: 2, questionsWaiting: 1 } });
    let release = (): void => undefined;
    board.hold = new Promise((resolve) => {
      release = resolve;
    });
    const answers = Array.from({ length: 4 }, () => ask('/api/v1/rollups/usage'));
    const first = await Promise.race(answers);
    expect(first.status).toBe(429);
    expect(first.headers.get('retry-after')).toBe('1');
    release();
    const statuses = (await Promise.all(answers)).map((answer) => answer.status);
    expect(statuses.sort()).toEqual([200, 200, 200, 429]);
  });
});

describe('row 69: log injection', () => {
  test('what a client sends never begins a line of the log', async () => {
    const board = await withGateway();
    board.board.status = async () => {
      throw new Error('broken\n{"level":60,"msg":"forged"}');
    };
    const path = '/api/v1/status?x=%0a%7b%22level%22:60%7d';
    await rawRequest(board.gateway.port, get(path, { 'user-agent': 'a\tb', connection: 'close' }));
    await board.get('/api/v1/status');
    const lines = board.log.join('').trimEnd().split('\n');
    expect(lines.every((line) => typeof JSON.parse(line).level === 'number')).toBe(true);
    expect(lines.some((line) => JSON.parse(line).msg === 'forged')).toBe(false);
  });

  test('an unexpected fault is logged and answered without its words', async () => {
    const { board, log, get: ask } = await withGateway();
    board.status = async () => {
      throw new Error('the secret');
    };
    const answer = await ask('/api/v1/status');
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(text).toContain('WEIR_INTERNAL');
    expect(text).not.toContain('secret');
    expect(log.join('')).toContain('the secret');
  });

  test('a name with control characters is quoted in the answer', async () => {
    const { get: ask } = await withGateway();
    const answer = await (await ask('/api/v1/rollups/%1b%5b31m%0aevil%e2%80%ae')).json();
    expect(answer.error.message).toBe('There is no rollup "\\u001b[31m\\nevil\ufffd".');
  });
});

test('malformed HTTP is answered 400 and closed', async () => {
  const { gateway } = await withGateway();
  const { text } = await rawRequest(gateway.port, 'NONSENSE\r\n\r\n');
  expect(statusOf(text)).toBe(400);
  const { text: twoLengths } = await rawRequest(
    gateway.port,
    'POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    isWholeHead,
  );
  expect(statusOf(twoLengths)).toBe(400);
});
