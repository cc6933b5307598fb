import {
  SiteAnswer,
  SiteEdit,
  SiteEditAnswer,
  SiteForget,
  SiteForgotten,
  StatusAnswer,
} from '@weir/node/contract';
import { type App, FAULTS, type Parts } from './parts.ts';

/** A site file of the greatest length, every character of it escaped. */
const SITE_BODY_BYTES = 2 * 1024 * 1024;

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

  app.post(
    '/api/v1/site',
    {
      bodyLimit: SITE_BODY_BYTES,
      schema: {
        summary:
          'Looks at another site file: faults, what does not fit what is stored, the differences; or applies it.',
        description:
          'What is applied is written to the site file, and the appliance begins anew with it within the same process: devices and pages reconnect after a second or two. Nothing that was acknowledged is lost.',
        tags: ['site'],
        body: SiteEdit,
        response: { 200: SiteEditAnswer, ...FAULTS },
      },
    },
    async ({ body }) => client.editSite(body),
  );

  app.post(
    '/api/v1/site/forget',
    {
      schema: {
        summary: 'Forgets for good what a rollup counted that the site file does not have any more.',
        tags: ['site'],
        body: SiteForget,
        response: { 200: SiteForgotten, ...FAULTS },
      },
    },
    async ({ body }) => client.forgetRollup(body.rollup),
  );
}
