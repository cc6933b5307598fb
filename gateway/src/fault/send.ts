import type { FastifyReply, FastifyRequest } from 'fastify';
import { expectedFault, unexpectedFault } from './answer.ts';

/** Status of a request whose client has gone, as access logs know it; nobody reads it. */
const CLIENT_GONE = 499;

type AnyReply = Pick<FastifyReply, 'raw' | 'code' | 'header' | 'hasHeader' | 'send' | 'type' | 'serializer'>;

/** Answers a fault in the one shape; what nobody expected is logged, and its words stay in the log. */
export function sendFault(
  fault: unknown,
  request: Pick<FastifyRequest, 'id' | 'log' | 'routeOptions'>,
  reply: AnyReply,
): void {
  if (reply.raw.destroyed) {
    reply.code(CLIENT_GONE).send();
    return;
  }
  const expected = expectedFault(fault);
  if (!expected) request.log.error({ err: fault, route: request.routeOptions.url }, 'a request failed');
  const { status, body } = expected ?? unexpectedFault(request.id);
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="weir"');
  if ((status === 429 || status === 503) && !reply.hasHeader('retry-after')) reply.header('retry-after', '1');
  // The rest of the body is not read, so the connection cannot carry another request.
  if (status === 413) reply.header('connection', 'close');
  reply.code(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(body);
}
