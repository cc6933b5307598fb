import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { accepts, type PageFile, readPage } from './page-files.ts';
import type { App } from './parts.ts';

/** Serves the built page, compressed beforehand, so that no processor time goes into it while it is served. */
export function pageRoutes(app: App, uiDir: string | null, logger: FastifyBaseLogger): void {
  if (uiDir === null) return;
  const files = readPage(uiDir);
  if (files === null) {
    logger.warn({ uiDir }, 'the page is not built, so only the API is served; npm run build builds it');
    return;
  }
  for (const [name, file] of files) {
    const path = `/${name === 'index.html' ? '' : name}`;
    app.get(path, { schema: { hide: true } }, (request, reply) => send(file, request, reply));
  }
}

function send(file: PageFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.header('cache-control', file.hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
  reply.header('etag', file.etag).header('vary', 'accept-encoding').type(file.type);
  if (request.headers['if-none-match']?.split(', ').includes(file.etag)) return reply.code(304).send();
  const fit = file.compressed.find(({ encoding }) => accepts(request.headers['accept-encoding'], encoding));
  if (fit === undefined) return reply.send(file.plain);
  return reply.header('content-encoding', fit.encoding).send(fit.bytes);
}
