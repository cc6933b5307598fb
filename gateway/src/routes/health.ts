import { HealthAnswer, isWeirError, ReadyAnswer, VersionAnswer } from '@weir/node/contract';
import { type App, FAULTS, type Parts } from './parts.ts';

/** For supervisors, which have no token: alive, ready, and which build. */
export function healthRoutes(app: App, { client, version }: Parts): void {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'The process answers.',
        tags: ['health'],
        response: { 200: HealthAnswer, ...FAULTS },
      },
    },
    async () => ({ alive: true as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Shards are open and replayed; 503 with the reasons until then.',
        tags: ['health'],
        response: { 200: ReadyAnswer, 503: ReadyAnswer, '4xx': FAULTS['4xx'] },
      },
    },
    async (_request, reply) => {
      const answer = await readiness(client);
      return reply.code(answer.ready ? 200 : 503).send(answer);
    },
  );

  app.get(
    '/version',
    { schema: { summary: 'Which build.', tags: ['health'], response: { 200: VersionAnswer, ...FAULTS } } },
    async () => ({ name: 'weir' as const, version, node: process.version }),
  );
}

async function readiness(client: Parts['client']): Promise<ReadyAnswer> {
  try {
    const { ready, reasons } = await client.status();
    return { ready, reasons };
  } catch (fault) {
    if (isWeirError(fault)) return { ready: false, reasons: [fault.message] };
    throw fault;
  }
}
