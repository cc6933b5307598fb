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
  '/api/v1/rollups/{name}',
  '/api/v1/rollups/{name}/top',
  '/api/v1/site',
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
  return `${path.replace('{name}', NAMES[path] ?? 'usage')}?${query.join('&')}`;
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

  test.each(EXPECTED.filter((path) => !/login|logout|live|undo/.test(path)))(
    'GET %s answers with its declared schema, and refuses in its declared shape',
    async (path) => {
      const { get } = await withGateway();
      const operation = paths[path].get;
      const answer = await get(fill(path, operation));
      expect(answer.status).toBe(200);
      await assertDeclared(operation, answer);
      if (!operation.parameters) return;
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
