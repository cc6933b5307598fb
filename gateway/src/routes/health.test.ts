import { WeirError } from '@weir/node/contract';
import { describe, expect, test } from 'vitest';
import { withGateway } from '../testing/with-gateway.ts';

describe('readiness', () => {
  test('gives the reasons until the shards are open', async () => {
    const { board, get } = await withGateway();
    board.ready = false;
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect((await answer.json()).reasons[0]).toContain('replaying');
    expect((await get('/healthz')).status).toBe(200);
  });

  test('a board that cannot say is not ready', async () => {
    const { board, get } = await withGateway();
    board.status = async () => {
      throw new WeirError('WEIR_NOT_READY', 'the board is starting');
    };
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ ready: false, reasons: ['the board is starting'] });
  });
});

describe('metrics', () => {
  test('hold the counters of the board, the process and the requests, family by family', async () => {
    const { board, get } = await withGateway();
    board.counters = async () => ({
      'quarantined_total{reason="clock"}': 3,
      readings_total: 12,
      'quarantined_total{reason="malformed"}': 9,
      'broken\n name': 1,
    });
    await get('/healthz');
    await get('/nowhere/at/all');
    const text = await (await get('/metrics')).text();
    expect(text).toContain(
      '# TYPE weir_quarantined_total counter\nweir_quarantined_total{reason="clock"} 3\nweir_quarantined_total{reason="malformed"} 9\n',
    );
    expect(text).toContain('weir_readings_total 12\n');
    expect(text).toContain('weir_http_requests_total{route="/healthz",status="200"} 1');
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).not.toContain('broken');
    expect(text).not.toContain('nowhere');
  });
});

test('a board that cannot count yet does not hide the figures of the process', async () => {
  const { board, get } = await withGateway();
  board.counters = async () => {
    throw new WeirError('WEIR_NOT_READY', 'the board is starting');
  };
  const text = await (await get('/metrics')).text();
  expect(text).toContain('weir_board_answers 0\n');
  expect(text).toContain('process_resident_memory_bytes');
});

test('a board that is not ready yet answers questions with 503 and when to come back', async () => {
  const { board, get } = await withGateway();
  board.rollup = async () => {
    throw new WeirError('WEIR_NOT_READY', 'shard 3 is replaying');
  };
  const answer = await get('/api/v1/rollups/usage');
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('1');
});

test('an unknown path is a 404 that names the nearest', async () => {
  const { get } = await withGateway();
  const answer = await get('/api/v1/sight');
  expect(answer.status).toBe(404);
  expect((await answer.json()).error.suggestion).toBe('Did you mean /api/v1/site?');
});

test('a source that asks without pause is slowed, and supervisors are not', async () => {
  const { get } = await withGateway({ limits: { requestsPerMinute: 3 } });
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) statuses.push((await get('/api/v1/site')).status);
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect((await get('/healthz')).status).toBe(200);
});
