import { WHERE_NOTE } from '../question/schemas.ts';
import type { App } from './parts.ts';

interface Operation {
  description?: string;
  parameters?: object[];
}

/** How OpenAPI says "any further parameter": an object whose members stand in the query one by one. */
const WHERE_PARAMETER = {
  name: 'where',
  in: 'query',
  description: WHERE_NOTE,
  style: 'form',
  explode: true,
  schema: {
    type: 'object',
    propertyNames: { pattern: '^where\\..' },
    additionalProperties: { type: 'string' },
  },
};

export function openapiRoute(app: App): void {
  let text: string | null = null;
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(withWhere(app.swagger() as { paths?: Record<string, { get?: Operation }> }));
    return reply.type('application/json; charset=utf-8').send(text);
  });
}

function withWhere<T extends { paths?: Record<string, { get?: Operation }> }>(document: T): T {
  for (const { get } of Object.values(document.paths ?? {})) {
    if (get?.description?.includes(WHERE_NOTE)) get.parameters = [...(get.parameters ?? []), WHERE_PARAMETER];
  }
  return document;
}
