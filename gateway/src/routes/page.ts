import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyBaseLogger } from 'fastify';
import type { App } from './parts.ts';

/** Names that carry a hash of their content never change what they hold. */
const HASHED = /[/\\]assets[/\\][^/\\]+-[\w-]{8,}\.\w+(\.br|\.gz)?$/;

/** Serves the built page, compressed beforehand, so that no processor time goes into it while it is served. */
export async function pageRoutes(app: App, uiDir: string | null, logger: FastifyBaseLogger): Promise<void> {
  if (uiDir === null) return;
  if (!existsSync(join(uiDir, 'index.html'))) {
    logger.warn({ uiDir }, 'the page is not built, so only the API is served; npm run build builds it');
    return;
  }
  await app.register(fastifyStatic, {
    root: uiDir,
    preCompressed: true,
    cacheControl: false,
    dotfiles: 'ignore',
    decorateReply: false,
    schemaHide: true,
    setHeaders: (response, path) => {
      response.header(
        'cache-control',
        HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
    },
  });
}
