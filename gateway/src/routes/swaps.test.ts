import type { SwapMessage } from '@weir/node/contract';
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
  board.recordSwap = async (swap) => void recorded.push(swap);
  const [stream] = board.site().streams;
  const counter = stream.fields.find((field) => field.type === 'counter')!.name;
  const swap = { stream: stream.name, meter: 'm1', at: '-1h', last: '120.5' };
  const answer = await get('/api/v1/swaps', post(swap));
  expect(answer.status).toBe(200);
  const { id } = (await answer.json()) as { id: string };
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
  const listed = { ...known, at: NOON - 90 * 86_400_000, recordedAt: NOON, undone: null };
  board.swaps = async () => ({ swaps: [listed] });
  expect((await get('/api/v1/swaps/undo', post({ id }))).status).toBe(400);
  board.swaps = async () => ({ swaps: [{ ...listed, at: NOON - 3_600_000 }] });
  expect((await get('/api/v1/swaps/undo', post({ id }))).status).toBe(200);
  expect(recorded.at(-1)).toMatchObject({ id, undo: 'yes' });
});
