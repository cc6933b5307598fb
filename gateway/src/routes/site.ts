import { SiteAnswer, StatusAnswer } from '@weir/node/contract';
import { type App, FAULTS, type Parts } from './parts.ts';

export function siteRoutes(app: App, { client }: Parts): void {
  app.get(
    '/api/v1/site',
    {
      schema: {
        summary: 'The site file as understood.',
        tags: ['site'],
        response: { 200: SiteAnswer, ...FAULTS },
      },
    },
    async () => client.site(),
  );

  app.get(
    '/api/v1/status',
    {
      schema: {
        summary: 'Shards, lag, storage, wear and clock trust.',
        tags: ['site'],
        response: { 200: StatusAnswer, ...FAULTS },
      },
    },
    async () => client.status(),
  );
}
