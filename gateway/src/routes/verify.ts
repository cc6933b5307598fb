import { VerifyAnswer, WeirError } from '@weir/node/contract';
import { type App, FAULTS, type Parts } from './parts.ts';

/**
 * Hashes of the whole state. It reads everything, which takes as long as it takes, so it stands outside of the bounds
 * of questions and has its own: one at a time, and none for a client that has gone.
 */
export function verifyRoute(app: App, { client }: Pick<Parts, 'client'>): void {
  let isRunning = false;
  app.get(
    '/api/v1/verify',
    {
      schema: {
        summary: 'Hashes of everything that the shards know, after a checkpoint.',
        description: 'Equal on every board that has applied the same log up to the same position.',
        tags: ['site'],
        response: { 200: VerifyAnswer, ...FAULTS },
      },
    },
    async (request, reply) => {
      if (isRunning)
        throw new WeirError('WEIR_BUSY', 'The state is being hashed for somebody else.', {
          suggestion: 'Ask again when that is done.',
        });
      isRunning = true;
      const control = new AbortController();
      const onClose = () => control.abort(new DOMException('The client has gone.', 'AbortError'));
      // Nothing moves on the socket until the last shard is read.
      request.raw.socket.setTimeout(0);
      reply.raw.once('close', onClose);
      try {
        return await client.verify(control.signal);
      } finally {
        reply.raw.off('close', onClose);
        isRunning = false;
      }
    },
  );
}
