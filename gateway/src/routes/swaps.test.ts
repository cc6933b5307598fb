import type { SwapAnswer, SwapMessage } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { NOON, withGateway } from '../testing/with-gateway.ts';

const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

test('a swap is recorded with the register that the stream has, and what is wrong with it is said', async () => {
  const { board, get } = await withGateway();
  const recorded: SwapMessage[] = [];
  const taken = { recordedAt: NOON, undone: null, heard: true };
  board.recordSwap = async (swap) => void recorded.push(swap);
  board.swaps = async () => ({ swaps: recorded.map((swap) => ({ ...swap, ...taken })) });
  const [stream] = board.site().streams;
  const counter = stream.fields.find((field) => field.type === 'counter')!.name;
  const swap = { stream: stream.name, meter: 'm1', at: '-1h', last: '120.5' };
  const answer = await get('/api/v1/swaps', post(swap));
  expect(answer.status).toBe(200);
  const { id, effect } = (await answer.json()) as SwapAnswer;
  expect(effect).toBe('counted');
  expect(recorded).toEqual([
    expect.objectContaining({
      id,
      meter: 'm1',
      field: counter,
      at: NOON - 3_600_000,
      last: '120.5',
      first: '0',
    }),
  ]);
  const refusals: [object, number][] = [
    [{ ...swap, stream: 'nowhere' }, 404],
    [{ ...swap, field: 'state' }, 400],
    [{ ...swap, last: '1e5' }, 400],
    [{ ...swap, at: '-90d' }, 400],
    [{ ...swap, more: 1 }, 400],
  ];
  for (const [body, status] of refusals)
    expect({ body, status: (await get('/api/v1/swaps', post(body))).status }).toEqual({ body, status });
  expect((await get('/api/v1/swaps/undo', post({ id: 'none' }))).status).toBe(404);
  expect(recorded).toHaveLength(1);
  const known = {
    id,
    meter: 'm1',
    stream: stream.name,
    field: counter,
    last: '120.5',
    first: '0',
    by: '',
    note: '',
  };
  const listed = { ...known, at: NOON - 90 * 86_400_000, ...taken };
  board.swaps = async () => ({ swaps: [listed] });
  expect((await get('/api/v1/swaps/undo', post({ id }))).status).toBe(400);
  board.swaps = async () => ({ swaps: [{ ...listed, at: NOON - 3_600_000 }] });
  expect((await get('/api/v1/swaps/undo', post({ id }))).status).toBe(200);
  expect(recorded.at(-1)).toMatchObject({ id, undo: 'yes' });
});

test('a swap that the meter’s shard did not take is refused, and one that changes nothing says so', async () => {
  const { board, get } = await withGateway();
  const recorded: SwapMessage[] = [];
  board.recordSwap = async (swap) => void recorded.push(swap);
  const [stream] = board.site().streams;
  const swap = post({ stream: stream.name, meter: 'm1', at: '-1h', last: '120.5' });
  const refused = await get('/api/v1/swaps', swap);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toMatch(/changes nothing: the reading of m1 before it is not known any more/);
  const listed = (heard: boolean) => ({ ...recorded.at(-1)!, recordedAt: NOON, undone: null, heard });
  board.swaps = async () => ({
    swaps: Array.from({ length: 256 }, () => ({ ...listed(true), id: 'other' })),
  });
  expect(await (await get('/api/v1/swaps', swap)).text()).toMatch(/m1 has 256 already/);
  board.swaps = async () => ({ swaps: [listed(false)] });
  expect(await (await get('/api/v1/swaps', swap)).json()).toMatchObject({ effect: 'unheard' });
  board.swaps = async () => ({ swaps: [listed(true)] });
  const site = board.site();
  board.site = () => ({ ...site, rollups: [] });
  expect(await (await get('/api/v1/swaps', swap)).json()).toMatchObject({ effect: 'uncounted' });
});
