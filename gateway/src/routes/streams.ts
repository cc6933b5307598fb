import { EventsAnswer, type EventsQuestion, LIMITS, type Site } from '@weir/node/contract';
import { type Static, Type } from 'typebox';
import { streamNamed, whereOf } from '../question/names.ts';
import { From, Name, To, WHERE_NOTE } from '../question/schemas.ts';
import { rangeOf } from '../question/time.ts';
import { type App, FAULTS, type Parts } from './parts.ts';

const NDJSON = 'application/x-ndjson';

const EventsQuery = Type.Object(
  {
    from: From('-1h'),
    to: To,
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: LIMITS.eventsLimit, description: 'Default 100.' }),
    ),
    order: Type.Optional(
      Type.Union([Type.Literal('asc'), Type.Literal('desc')], {
        description: 'Default desc, the newest first.',
      }),
    ),
  },
  { 'x-takes-where': true },
);

// Rows of a stream have fields that only the site knows, so a compiled schema has nothing to gain from.
const asJson = () => (answer: unknown) => JSON.stringify(answer);

export function streamRoutes(app: App, { client, gate, now }: Parts): void {
  app.get(
    '/api/v1/streams/:name/events',
    {
      serializerCompiler: asJson,
      schema: {
        summary: `Raw events; one a line when the request accepts ${NDJSON}.`,
        description: `${WHERE_NOTE} In lines the answer's header \`weir-truncated\` says whether there are more.`,
        tags: ['questions'],
        params: Type.Object({ name: Name }),
        querystring: EventsQuery,
        response: {
          200: {
            description: 'The events.',
            content: {
              'application/json': { schema: EventsAnswer },
              [NDJSON]: { schema: Type.String({ description: 'One event of `events` a line.' }) },
            },
          },
          ...FAULTS,
        },
      },
    },
    async (request, reply) => {
      const question = eventsQuestion(client.site(), request.params.name, request.query, now());
      const answer = await gate.ask(reply, (signal) => client.events(question, signal));
      if (!(request.headers.accept ?? '').includes(NDJSON)) return answer;
      reply.header('weir-truncated', String(answer.truncated));
      // At most LIMITS.eventsLimit short rows, which are in memory already.
      const lines = answer.events.map((event) => `${JSON.stringify(event)}\n`).join('');
      return reply
        .type(NDJSON)
        .serializer(String)
        .send(lines as never);
    },
  );
}

function eventsQuestion(
  site: Site,
  name: string,
  query: Static<typeof EventsQuery>,
  now: number,
): EventsQuestion {
  const stream = streamNamed(site, name);
  const where = whereOf(query, stream);
  const range = rangeOf(query, now, '-1h');
  return { stream: name, ...range, where, limit: query.limit ?? 100, order: query.order ?? 'desc' };
}
