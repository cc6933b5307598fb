import { randomUUID } from 'node:crypto';
import {
  LIMITS,
  type Site,
  SwapAnswer,
  type SwapMessage,
  SwapQuestion,
  SwapsAnswer,
  SwapUndo,
  WeirError,
} from '@weir/node/contract';
import { type Static, Type } from 'typebox';
import { streamNamed } from '../question/names.ts';
import { instantOrFault } from '../question/time.ts';
import { type App, FAULTS, type Parts } from './parts.ts';

const SwapsQuery = Type.Object({ meter: Type.Optional(Type.String({ maxLength: LIMITS.keyBytes })) });

/** Swaps of registers: recorded in the log like readings, listed with those that were undone, and taken back. */
export function swapRoutes(app: App, { client, gate, now }: Parts): void {
  app.get(
    '/api/v1/swaps',
    {
      schema: {
        summary: 'Registers that were swapped, those taken back too: what was recorded, when, and by whom.',
        tags: ['questions'],
        querystring: SwapsQuery,
        response: { 200: SwapsAnswer, ...FAULTS },
      },
    },
    async (request, reply) => gate.ask(reply, () => client.swaps(request.query.meter ?? null)),
  );

  app.post(
    '/api/v1/swaps',
    {
      schema: {
        summary: 'Records that a register was taken out and another put in.',
        description:
          'Answers when it is as safe as a reading and taken: what was counted around it is counted anew. A swap that changes nothing is refused.',
        tags: ['questions'],
        body: SwapQuestion,
        response: { 200: SwapAnswer, ...FAULTS },
      },
    },
    async (request) => {
      const swap = swapOf(client.site(), request.body, now());
      await client.recordSwap(swap);
      return { id: swap.id, effect: await effectOf(client, swap) };
    },
  );

  app.post(
    '/api/v1/swaps/undo',
    {
      schema: {
        summary: 'Takes a swap back, as if it had not been.',
        tags: ['questions'],
        body: SwapUndo,
        response: { 200: SwapAnswer, ...FAULTS },
      },
    },
    async (request) => {
      const { id, by = '' } = request.body;
      const { swaps } = await client.swaps(null);
      const known = swaps.find((one) => one.id === id && one.undone === null);
      if (known === undefined)
        throw new WeirError('WEIR_NOT_FOUND', `There is no swap ${JSON.stringify(id)} to take back.`, {
          field: 'id',
          suggestion: 'GET /api/v1/swaps lists them.',
        });
      const { at, meter, stream, field, last, first, note } = known;
      if (at < now() - client.site().retention.rawMs)
        throw new WeirError(
          'WEIR_BAD_QUESTION',
          'The raw readings around the swap are no longer kept, and without them it cannot be taken back.',
          { field: 'id', suggestion: 'What was counted stands.' },
        );
      await client.recordSwap({ at, meter, id, undo: 'yes', stream, field, last, first, by, note });
      return { id };
    },
  );
}

/** Whether it was taken is known to the shard of the meter alone, which knows what it still has of its readings. */
async function effectOf(client: Parts['client'], swap: SwapMessage): Promise<SwapAnswer['effect']> {
  const { swaps } = await client.swaps(swap.meter);
  const taken = swaps.find((one) => one.id === swap.id);
  if (taken !== undefined) {
    const rollups = client.site().rollups.filter(({ stream }) => stream === swap.stream);
    const counts = rollups.some(({ measures }) => measures.some(({ field }) => field === swap.field));
    return counts ? (taken.heard ? 'counted' : 'unheard') : 'uncounted';
  }
  if (swaps.filter(({ stream }) => stream === swap.stream).length >= LIMITS.swapsOfMeter)
    throw new WeirError(
      'WEIR_BAD_QUESTION',
      `The swap changes nothing: ${swap.meter} has ${LIMITS.swapsOfMeter} already, and no more are taken.`,
      { field: 'meter', suggestion: 'GET /api/v1/swaps lists them.' },
    );
  throw new WeirError(
    'WEIR_BAD_QUESTION',
    `The swap changes nothing: the reading of ${swap.meter} before it is not known any more, so it cannot be told what flowed before it and what after.`,
    { field: 'at', suggestion: 'What was counted stands.' },
  );
}

function swapOf(site: Site, body: Static<typeof SwapQuestion>, now: number) {
  const stream = streamNamed(site, body.stream, 'stream');
  const counters = stream.fields.filter((field) => field.type === 'counter').map((field) => field.name);
  const field = body.field ?? counters[0];
  if (field === undefined || !counters.includes(field))
    throw new WeirError(
      'WEIR_BAD_QUESTION',
      `${stream.name} has no register ${JSON.stringify(field ?? '')}.`,
      {
        field: 'field',
        suggestion: counters.length > 0 ? `It has ${counters.join(', ')}.` : 'Only counters are swapped.',
      },
    );
  const at = instantOrFault('at', body.at, now);
  const oldest = now - site.retention.rawMs;
  if (at > now || at < oldest)
    throw new WeirError(
      'WEIR_BAD_QUESTION',
      'A swap lies in the past, and not before the raw readings that are kept.',
      {
        field: 'at',
        suggestion: `Give a time from ${new Date(oldest).toISOString()} to now.`,
      },
    );
  const { meter, last, first = '0', by = '', note = '' } = body;
  return { at, meter, id: randomUUID(), stream: stream.name, field, last, first, by, note };
}
