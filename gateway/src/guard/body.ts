import { WeirError } from '@weir/node/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Refuses a body before a byte of it is read. The framework looks at the length only where a route takes a body; Node
 * would read and throw away whatever comes with a GET.
 */
export function refuseBody(request: FastifyRequest, reply: FastifyReply): void {
  const length = Number(request.headers['content-length'] ?? 0);
  const isBodyless = request.method !== 'POST' || request.is404;
  const hasBody = length > 0 || request.headers['transfer-encoding'] !== undefined;
  if (length <= request.routeOptions.bodyLimit && !(isBodyless && hasBody)) return;
  reply.header('connection', 'close');
  throw new WeirError(
    'WEIR_TOO_LARGE',
    isBodyless
      ? 'This path takes no body.'
      : `A body here is at most ${request.routeOptions.bodyLimit} bytes.`,
    { field: 'body' },
  );
}
