import { Replay, ReplayRequest, ReplaysAnswer } from '@weir/node/contract';
import { Type } from 'typebox';
import { rollupNamed } from '../question/names.ts';
import { instantOrFault } from '../question/time.ts';
import { type App, FAULTS, type Parts } from './parts.ts';

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) });

/** Reading the log again: rebuilding a rollup, filling one that is new, or correcting one. */
export function replayRoutes(app: App, parts: Parts): void {
  listRoutes(app, parts);
  changeRoutes(app, parts);
}

const ONE = { tags: ['replays'], response: { 200: Replay, ...FAULTS } };

function listRoutes(app: App, { client }: Parts): void {
  app.get(
    '/api/v1/replays',
    {
      schema: {
        summary: 'Replays, the newest first: how far they are, and what they found.',
        tags: ['replays'],
        response: { 200: ReplaysAnswer, ...FAULTS },
      },
    },
    async () => client.replays(),
  );

  app.get(
    '/api/v1/reports',
    {
      schema: {
        summary: 'What the nightly reconcile job found and corrected, the newest first.',
        tags: ['replays'],
        response: { 200: ReplaysAnswer, ...FAULTS },
      },
    },
    async () => {
      const { replays } = await client.replays();
      return { replays: replays.filter(({ reason }) => reason === 'reconcile') };
    },
  );

  app.get(
    '/api/v1/replays/:id',
    { schema: { ...ONE, summary: 'One replay.', params: Id } },
    async ({ params }) => client.replay(params.id),
  );
}

function changeRoutes(app: App, { client, now }: Parts): void {
  app.post(
    '/api/v1/replays',
    {
      schema: {
        ...ONE,
        summary: 'Reads the log again for one rollup, in the background, and reports what differs.',
        description:
          'Nothing is changed before it is applied. `from` and `to` are event time; default: all of raw.',
        body: ReplayRequest,
      },
    },
    async ({ body }) => {
      const { name } = rollupNamed(client.site(), body.rollup);
      const time = (field: 'from' | 'to') => {
        const text = body[field];
        return text === undefined ? null : instantOrFault(field, text, now());
      };
      return client.beginReplay({
        rollup: name,
        from: time('from'),
        to: time('to'),
        apply: body.apply ?? false,
      });
    },
  );

  app.post(
    '/api/v1/replays/:id/apply',
    { schema: { ...ONE, summary: 'Puts what was made anew in the place of what differs.', params: Id } },
    async ({ params }) => client.applyReplay(params.id),
  );

  app.delete(
    '/api/v1/replays/:id',
    { schema: { ...ONE, summary: 'Cancels a replay; its report stays.', params: Id } },
    async ({ params }) => client.cancelReplay(params.id),
  );
}
