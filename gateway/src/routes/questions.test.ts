import type { EventsAnswer, Fault, RollupAnswer, TopAnswer } from '@weir/node/contract';
import { describe, expect, test } from 'vitest';
import { NOON, withGateway } from '../testing/with-gateway.ts';

const HOUR_MS = 3_600_000;

async function faultOf(answer: Response): Promise<Fault['error'] & { status: number }> {
  const body = (await answer.json()) as Fault;
  return { status: answer.status, ...body.error };
}

describe('rollups', () => {
  test('a question of the last day reaches the board as instants, lists and defaults', async () => {
    const { get } = await withGateway();
    const answer = (await (await get('/api/v1/rollups/usage')).json()) as RollupAnswer;
    expect(answer.from).toBe(NOON - 24 * HOUR_MS);
    expect(answer.to).toBe(NOON);
    expect(Object.keys(answer.measures)).toEqual(['kwh', 'watts', 'peak', 'readings', 'money', 'states']);
    expect(answer.series).toHaveLength(1);
  });

  test('groups, filters, measures and limits are lists between commas', async () => {
    const { get } = await withGateway();
    const path =
      '/api/v1/rollups/usage?from=-1h&by=state&where.state=NY,CA,TX&measures=kwh,watts&limit=2&step=15m';
    const answer = (await (await get(path)).json()) as RollupAnswer;
    expect(answer.step).toBe(900_000);
    expect(answer.truncated).toBe(true);
    expect(answer.series.map((series) => series.by.state)).toEqual(['NY', 'CA']);
    expect(Object.keys(answer.series[0].values)).toEqual(['kwh', 'watts']);
  });

  test.each([
    ['2026-06-15T10:00:00Z', NOON - 2 * HOUR_MS],
    ['2026-06-15T12:00:00%2B02:00', NOON - 2 * HOUR_MS],
    [String(NOON - 2 * HOUR_MS), NOON - 2 * HOUR_MS],
    ['-2h', NOON - 2 * HOUR_MS],
    ['2026-06-14', NOON - 36 * HOUR_MS],
  ])('the time %s is understood', async (from, expected) => {
    const { get } = await withGateway();
    const answer = (await (await get(`/api/v1/rollups/usage?from=${from}`)).json()) as RollupAnswer;
    expect(answer.from).toBe(expected);
  });

  test.each([
    ['/usgae', 404, 'WEIR_NOT_FOUND', 'rollup', 'usage'],
    ['/usage?measures=kwh,wats', 404, 'WEIR_NOT_FOUND', 'measures', 'watts'],
    ['/usage?by=metre', 404, 'WEIR_NOT_FOUND', 'by', 'meter'],
    ['/usage?where.stat=NY', 404, 'WEIR_NOT_FOUND', 'where.stat', 'state'],
    ['/usage?mesures=kwh', 400, 'WEIR_BAD_QUESTION', 'mesures', 'measures'],
    ['/usage?from=yesterday', 400, 'WEIR_BAD_QUESTION', 'from', 'ISO 8601'],
    ['/usage?from=2026-02-30', 400, 'WEIR_BAD_QUESTION', 'from', 'ISO 8601'],
    ['/usage?from=-1h&to=-2h', 400, 'WEIR_BAD_QUESTION', 'from', 'from=-24h'],
    ['/usage?step=fast', 400, 'WEIR_BAD_QUESTION', 'step', '15m'],
    ['/usage?from=-999999999y', 400, 'WEIR_BAD_QUESTION', 'from', 'ISO 8601'],
    ['/usage/top?measure=kwh&over=285000y', 400, 'WEIR_BAD_QUESTION', 'from', 'ISO 8601'],
    ['/usage?limit=0', 400, 'WEIR_BAD_QUESTION', 'limit', null],
    ['/usage?limit=many', 400, 'WEIR_BAD_QUESTION', 'limit', null],
    ['/usage?limit=1&limit=2', 400, 'WEIR_BAD_QUESTION', 'limit', 'commas'],
    ['/usage?by=meter,state', 400, 'WEIR_NOT_KEPT', 'by', '/api/v1/streams/electricity/events'],
    ['/usage?where.watts=5', 400, 'WEIR_NOT_KEPT', 'where.watts', '/api/v1/streams/electricity/events'],
    ['/usage/top', 400, 'WEIR_BAD_QUESTION', 'measure', null],
    ['/usage/top?measure=kw', 404, 'WEIR_NOT_FOUND', 'measure', 'kwh'],
    ['/usage/top?measure=kwh&over=5m&from=-1h', 400, 'WEIR_BAD_QUESTION', 'over', 'one of them'],
    ['/usage/top?measure=kwh&k=1000000', 400, 'WEIR_BAD_QUESTION', 'k', null],
    ['/usage?__proto__=1', 400, 'WEIR_BAD_QUESTION', '__proto__', null],
  ])('%s is refused with status, code, field and suggestion', async (path, status, code, field, hint) => {
    const { get } = await withGateway();
    const fault = await faultOf(await get(`/api/v1/rollups${path}`));
    expect(fault).toMatchObject({ status, code, field });
    if (hint) expect(fault.suggestion).toContain(hint);
  });

  test('row 63: a year of 1 s buckets is answered from a coarser tier, and too many values are refused', async () => {
    const { get } = await withGateway();
    const coarsened = (await (await get('/api/v1/rollups/usage?from=-1y&step=1s')).json()) as RollupAnswer;
    expect(coarsened.step).toBeGreaterThan(1_000);
    const fault = await faultOf(await get('/api/v1/rollups/usage?from=-7d&step=1m&by=meter&limit=1000'));
    expect(fault).toMatchObject({ status: 400, code: 'WEIR_TOO_MUCH', field: 'step' });
  });
});

describe('top', () => {
  test('answers the largest first, over the span before now', async () => {
    const { get } = await withGateway();
    const answer = (await (
      await get('/api/v1/rollups/usage/top?measure=kwh&k=3&over=5m&by=meter')
    ).json()) as TopAnswer;
    expect(answer.from).toBe(NOON - 300_000);
    expect(answer.rows.map((row) => row.rank)).toEqual([1, 2, 3]);
    expect(answer.rows[0].value).toBeGreaterThanOrEqual(answer.rows[1].value);
  });
});

describe('events', () => {
  test('answers the newest first, and says when there are more', async () => {
    const { get } = await withGateway();
    const answer = (await (
      await get('/api/v1/streams/electricity/events?limit=5&where.state=NY')
    ).json()) as EventsAnswer;
    expect(answer.truncated).toBe(true);
    expect(answer.events.map((event) => event.state)).toEqual(['NY', 'NY', 'NY', 'NY', 'NY']);
    const times = answer.events.map((event) => Number(event.time));
    expect(times).toEqual([...times].sort((a, b) => b - a));
  });

  test('answers one event a line when the request accepts NDJSON', async () => {
    const { get } = await withGateway();
    const answer = await get('/api/v1/streams/gas/events?limit=3&order=asc', {
      headers: { accept: 'application/x-ndjson' },
    });
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    expect(answer.headers.get('weir-truncated')).toBe('true');
    const lines = (await answer.text()).trimEnd().split('\n');
    expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual(
      Array(3).fill(['time', 'seq', 'meter', 'ccf', 'state']),
    );
  });

  test('an unknown stream is named with the nearest one', async () => {
    const { get } = await withGateway();
    const fault = await faultOf(await get('/api/v1/streams/gaz/events'));
    expect(fault).toMatchObject({ status: 404, field: 'stream', suggestion: 'Did you mean "gas"?' });
  });
});

describe('ledger and quarantine', () => {
  test('the ledger adds up as the board told it', async () => {
    const { get } = await withGateway();
    const ledger = await (await get('/api/v1/ledger?stream=gas&from=-1d')).json();
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
    expect(ledger.received).toBe(
      ledger.counted + ledger.duplicate + sum(ledger.quarantined) + sum(ledger.rejected),
    );
    expect((await get('/api/v1/ledger?stream=oil')).status).toBe(404);
  });

  test('row 59: markup in a topic stays text, in an answer that no browser takes for a page', async () => {
    const { get } = await withGateway();
    const answer = await get('/api/v1/quarantine?limit=2');
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await answer.json()).messages[0].topic).toBe('meters/m-<b>1</b>/electricity');
  });
});
