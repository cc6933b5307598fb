import { LedgerAnswer, QuarantineAnswer } from '@weir/node/contract';
import { Type } from 'typebox';
import { streamNamed } from '../question/names.ts';
import { From, Stream, To } from '../question/schemas.ts';
import { rangeOf } from '../question/time.ts';
import { type App, FAULTS, type Parts } from './parts.ts';

const LedgerQuery = Type.Object({ stream: Stream, from: From('0, the beginning'), to: To });

const QuarantineQuery = Type.Object({
  stream: Stream,
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000, description: 'Default 100, the newest first.' }),
  ),
});

export function ledgerRoutes(app: App, { client, gate, now }: Parts): void {
  app.get(
    '/api/v1/ledger',
    {
      schema: {
        summary: 'What became of every reading received.',
        description:
          'received = counted + duplicate + the quarantined + the rejected. Hours are those of the log.',
        tags: ['questions'],
        querystring: LedgerQuery,
        response: { 200: LedgerAnswer, ...FAULTS },
      },
    },
    async (request, reply) => {
      const { stream = null } = request.query;
      if (stream !== null) streamNamed(client.site(), stream, 'stream');
      const range = rangeOf(request.query, now(), '0');
      return gate.ask(reply, () => client.ledger({ stream, ...range }));
    },
  );

  app.get(
    '/api/v1/quarantine',
    {
      schema: {
        summary: 'Messages that were set aside, with topic, reason and payload.',
        tags: ['questions'],
        querystring: QuarantineQuery,
        response: { 200: QuarantineAnswer, ...FAULTS },
      },
    },
    async (request, reply) => {
      const { stream = null, limit = 100 } = request.query;
      if (stream !== null) streamNamed(client.site(), stream, 'stream');
      return gate.ask(reply, () => client.quarantine({ stream, limit }));
    },
  );
}
