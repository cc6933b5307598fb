import type { OutgoingHttpHeaders } from 'node:http';
import { LiveChange, type LiveQuestion, type RollupSpec, type Site, WeirError } from '@weir/node/contract';
import type { FastifyReply } from 'fastify';
import { type Static, Type } from 'typebox';
import { quoted } from '../fault/suggest.ts';
import { Viewer } from '../live/viewer.ts';
import {
  byOf,
  listOf,
  measureNamed,
  mustBeKept,
  rollupNamed,
  streamNamed,
  whereOf,
} from '../question/names.ts';
import { By, Quality, WHERE_NOTE } from '../question/schemas.ts';
import { type App, FAULTS, type Parts } from './parts.ts';
import { stepOf } from './rollups.ts';

const LiveQuery = Type.Object(
  {
    rollup: Type.String({ minLength: 1, maxLength: 200 }),
    by: By,
    measures: Type.Optional(
      Type.String({ maxLength: 2_000, description: 'Names between commas; default all.' }),
    ),
    step: Type.Optional(
      Type.String({ maxLength: 20, description: 'A tier, such as 15m, or auto: the finest.' }),
    ),
    quality: Quality,
  },
  { 'x-takes-where': true },
);

export function liveRoutes(app: App, { client, hub, limits }: Parts): void {
  app.get(
    '/api/v1/live',
    {
      // A stream without a body would hold its place for nothing.
      exposeHeadRoute: false,
      serializerCompiler: () => String,
      schema: {
        summary: 'Server-sent events: the buckets that change, as columns.',
        description: `Events of the kind \`change\` carry a LiveChange; comments are heartbeats. ${WHERE_NOTE}`,
        tags: ['live'],
        querystring: LiveQuery,
        response: {
          200: {
            description: 'A stream that ends when either side closes it.',
            content: { 'text/event-stream': { schema: LiveChange } },
          },
          ...FAULTS,
        },
      },
    },
    (request, reply) => {
      const question = liveQuestion(client.site(), request.query);
      hub.assertRoom();
      const viewer = new Viewer(reply.raw, limits.viewerBytes);
      // Joined before the head is written: a board that is not ready is a fault with its status, and no stream.
      reply.raw.once('close', hub.join(question, viewer));
      openStream(reply);
      viewer.open(`retry: ${limits.retryMs}\n: welcome\n\n`);
    },
  );
}

function openStream(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  reply.raw.socket?.setNoDelay(true);
}

function liveQuestion(site: Site, query: Static<typeof LiveQuery>): LiveQuestion {
  const rollup = rollupNamed(site, query.rollup);
  const stream = streamNamed(site, rollup.stream);
  const by = byOf(query.by, stream);
  const where = whereOf(query, stream);
  mustBeKept(rollup, by, where);
  const measures = listOf(query.measures).map((measure) => measureNamed(rollup, measure, 'measures').name);
  const step = tierOf(rollup, query.step);
  return {
    rollup: rollup.name,
    by,
    where,
    measures,
    step,
    ...(query.quality === 'true' && { quality: true }),
  };
}

/** What changes is told in the buckets that are kept; another width would have to be merged at every change. */
function tierOf(rollup: RollupSpec, text: string | undefined): number | 'auto' {
  const step = stepOf(text);
  if (step === 'auto' || rollup.tiers.some((tier) => tier.widthMs === step)) return step;
  throw new WeirError('WEIR_BAD_QUESTION', `${rollup.name} has no tier of ${quoted(String(text))}.`, {
    field: 'step',
    suggestion: `There are: ${rollup.tiers.map((tier) => tier.name).join(', ')}.`,
  });
}
