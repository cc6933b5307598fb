import { isWeirError } from '@weir/node/contract';
import type { FastifyReply } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { Type } from 'typebox';
import { boardMetrics } from '../metrics/board-metrics.ts';
import { type App, FAULTS, type Parts } from './parts.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** Counts requests by route, never by path: a path is the client's to choose, and would make series without end. */
export function countRequests(app: App, registry: Registry): void {
  const requests = new Counter({
    name: 'weir_http_requests_total',
    help: 'HTTP requests by route and status.',
    labelNames: ['route', 'status'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'weir_http_request_seconds',
    help: 'Time to answer, by route.',
    labelNames: ['route'],
    buckets: SECONDS,
    registers: [registry],
  });
  app.addHook('onResponse', (request, reply: FastifyReply, done) => {
    const route = request.routeOptions.url ?? 'none';
    requests.inc({ route, status: reply.statusCode });
    seconds.observe({ route }, reply.elapsedTime / 1000);
    done();
  });
}

export function createRegistry({ gate, hub }: Pick<Parts, 'gate' | 'hub'>): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  gauge(registry, 'weir_http_questions_running', 'Questions that the board works on.', () => gate.running);
  gauge(registry, 'weir_http_questions_waiting', 'Questions that wait for their turn.', () => gate.waiting);
  gauge(registry, 'weir_live_viewers', 'Open event streams.', () => hub.viewers);
  new Counter({
    name: 'weir_live_viewers_dropped_total',
    help: 'Viewers dropped because they stopped reading.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(hub.dropped);
    },
  });
  return registry;
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

export function metricsRoutes(app: App, { client }: Parts, registry: Registry): void {
  app.get(
    '/metrics',
    {
      serializerCompiler: () => String,
      schema: {
        summary: 'Prometheus text.',
        tags: ['health'],
        response: {
          200: { description: 'Metrics.', content: { 'text/plain': { schema: Type.String() } } },
          ...FAULTS,
        },
      },
    },
    async (_request, reply) => {
      const text = `${await ofBoard(client)}${await registry.metrics()}`;
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
    },
  );
}

/** A board that cannot answer yet must not hide the figures of the process that waits for it. */
async function ofBoard(client: Parts['client']): Promise<string> {
  try {
    return boardMetrics({ board_answers: 1, ...(await client.counters()) });
  } catch (fault) {
    if (isWeirError(fault)) return boardMetrics({ board_answers: 0 });
    throw fault;
  }
}
