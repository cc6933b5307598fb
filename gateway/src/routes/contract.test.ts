import { Compile } from 'typebox/schema';
import { beforeAll, describe, expect, test } from 'vitest';
import { withGateway } from '../testing/with-gateway.ts';

interface Operation {
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: unknown;
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

type Paths = Record<string, Record<string, Operation>>;

/** What each parameter of a question is when the document does not say more than its type. */
const VALUES: Record<string, string> = { measure: 'kwh', rollup: 'usage' };
const NAMES: Record<string, string> = { '/api/v1/streams/{name}/events': 'electricity' };
const EXPECTED = [
  '/api/v1/ledger',
  '/api/v1/live',
  '/api/v1/login',
  '/api/v1/logout',
  '/api/v1/quarantine',
  '/api/v1/replays',
  '/api/v1/replays/{id}',
  '/api/v1/replays/{id}/apply',
  '/api/v1/reports',
  '/api/v1/rollups/{name}',
  '/api/v1/rollups/{name}/parts',
  '/api/v1/rollups/{name}/top',
  '/api/v1/site',
  '/api/v1/site/forget',
  '/api/v1/status',
  '/api/v1/streams/{name}/events',
  '/api/v1/swaps',
  '/api/v1/swaps/undo',
  '/api/v1/verify',
  '/healthz',
  '/metrics',
  '/readyz',
  '/version',
];

let paths: Paths = {};

beforeAll(async () => {
  const { get } = await withGateway();
  paths = (await (await get('/api/v1/openapi.json')).json()).paths;
});

function fill(path: string, operation: Operation): string {
  const query = (operation.parameters ?? [])
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map((parameter) => `${parameter.name}=${VALUES[parameter.name]}`);
  return `${path.replace('{name}', NAMES[path] ?? 'usage').replace('{id}', '1')}?${query.join('&')}`;
}

async function assertDeclared(operation: Operation, answer: Response): Promise<void> {
  const declared =
    operation.responses[answer.status] ?? operation.responses[`${Math.floor(answer.status / 100)}XX`];
  expect(declared, `status ${answer.status} is not declared`).toBeDefined();
  const type = answer.headers.get('content-type')!.split(';')[0];
  const schema = declared.content?.[type]?.schema;
  expect(schema, `${type} is not declared`).toBeDefined();
  const text = await answer.text();
  const [, errors] = Compile(schema!).Errors(type === 'application/json' ? JSON.parse(text) : text);
  expect(errors).toEqual([]);
}

describe('the OpenAPI document', () => {
  test('lists the surface', () => {
    expect(Object.keys(paths).sort()).toEqual(EXPECTED);
  });

  test.each(EXPECTED.filter((path) => !/login|logout|live|undo|apply|forget/.test(path)))(
    'GET %s answers with its declared schema, and refuses in its declared shape',
    async (path) => {
      const { get } = await withGateway();
      const operation = paths[path].get;
      const answer = await get(fill(path, operation));
      expect(answer.status).toBe(200);
      await assertDeclared(operation, answer);
      if (!operation.parameters?.some((parameter) => parameter.in === 'query')) return;
      const refused = await get(`${fill(path, operation)}&nonsense=1`);
      expect(refused.status).toBe(400);
      await assertDeclared(operation, refused);
    },
  );

  test('tells of filters where they are taken, and nowhere else', () => {
    const takesWhere = (path: string) =>
      paths[path].get?.parameters?.some(({ name }) => name === 'where') ?? false;
    expect(EXPECTED.filter(takesWhere)).toEqual([
      '/api/v1/live',
      '/api/v1/rollups/{name}',
      '/api/v1/rollups/{name}/top',
      '/api/v1/streams/{name}/events',
    ]);
  });

  test('GET /readyz answers 503 with its declared schema while shards replay', async () => {
    const { board, get } = await withGateway();
    board.ready = false;
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    await assertDeclared(paths['/readyz'].get, answer);
  });

  test('GET /api/v1/live sends changes of its declared schema', async () => {
    const { board, get } = await withGateway();
    const answer = await get('/api/v1/live?rollup=usage&by=state');
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('data: ')) {
      board.tick();
      text += (await reader.read()).value ?? '';
    }
    await reader.cancel();
    const { schema } = paths['/api/v1/live'].get.responses[200].content!['text/event-stream'];
    const [, errors] = Compile(schema).Errors(JSON.parse(/data: (.*)\n/.exec(text)![1]));
    expect(errors).toEqual([]);
  });

  test('replays are begun, applied and cancelled with their declared schemas', async () => {
    const { get } = await withGateway();
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rollup: 'usage', from: '-1d' }),
    };
    await assertDeclared(paths['/api/v1/replays'].post, await get('/api/v1/replays', init));
    const apply = await get('/api/v1/replays/1/apply', { method: 'POST' });
    await assertDeclared(paths['/api/v1/replays/{id}/apply'].post, apply);
    const cancelled = await get('/api/v1/replays/1', { method: 'DELETE' });
    await assertDeclared(paths['/api/v1/replays/{id}'].delete, cancelled);
    const unknown = { ...init, body: JSON.stringify({ rollup: 'usgae' }) };
    expect((await get('/api/v1/replays', unknown)).status).toBe(404);
  });

  test('site files are looked at, applied and forgotten with their declared schemas', async () => {
    const { get } = await withGateway();
    const post = (path: string, body: object) =>
      get(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const edit = await post('/api/v1/site', { text: 'weir: 1\n', apply: false });
    await assertDeclared(paths['/api/v1/site'].post, edit);
    const forgotten = await post('/api/v1/site/forget', { rollup: 'old' });
    await assertDeclared(paths['/api/v1/site/forget'].post, forgotten);
    expect((await post('/api/v1/site', { text: 7 })).status).toBe(400);
  });

  test('POST /api/v1/login and /api/v1/logout answer with their declared schemas', async () => {
    const tokens = { verify: () => true };
    const { get } = await withGateway({ open: false, tokens });
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: 'any' }),
    };
    await assertDeclared(paths['/api/v1/login'].post, await get('/api/v1/login', init));
    await assertDeclared(paths['/api/v1/logout'].post, await get('/api/v1/logout', { method: 'POST' }));
  });
});
