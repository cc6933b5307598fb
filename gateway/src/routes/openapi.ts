import type { App } from './parts.ts';

export function openapiRoute(app: App): void {
  let text: string | null = null;
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    return reply.type('application/json; charset=utf-8').send(text);
  });
}
