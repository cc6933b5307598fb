import type { IncomingMessage } from 'node:http';
import fastifyHelmet from '@fastify/helmet';
import fastifyRateLimit from '@fastify/rate-limit';
import fastifySwagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { WeirError } from '@weir/node/contract';
import Fastify, { type FastifyRequest, LogController } from 'fastify';
import type { GatewayOptions } from './context.ts';
import { sendFault } from './fault/send.ts';
import { nearest, quoted } from './fault/suggest.ts';
import { refuseBody } from './guard/body.ts';
import type { HostGuard } from './guard/hosts.ts';
import { readTls } from './guard/tls.ts';
import type { HttpLimits } from './limits.ts';
import { compileCheck } from './question/check.ts';
import { healthRoutes } from './routes/health.ts';
import { ledgerRoutes } from './routes/ledger.ts';
import { liveRoutes } from './routes/live.ts';
import { loginRoutes } from './routes/login.ts';
import { countRequests, createRegistry, metricsRoutes } from './routes/metrics.ts';
import { openapiRoute } from './routes/openapi.ts';
import { pageRoutes } from './routes/page.ts';
import type { App, Parts } from './routes/parts.ts';
import { replayRoutes } from './routes/replays.ts';
import { rollupRoutes } from './routes/rollups.ts';
import { siteRoutes } from './routes/site.ts';
import { streamRoutes } from './routes/streams.ts';
import { swapRoutes } from './routes/swaps.ts';
import { verifyRoute } from './routes/verify.ts';

/** Everything between the socket and the board, not yet listening. */
export async function buildApp(options: GatewayOptions, parts: Parts, hosts: HostGuard): Promise<App> {
  const app: App = createServer(options, parts.limits);
  answerFaults(app);
  guardRequests(app, hosts);
  const registry = createRegistry(parts);
  countRequests(app, registry);
  await app.register(fastifyHelmet, { ...HEADERS });
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Weir',
        description: 'Readings, counted and shown while they happen.',
        version: options.version,
      },
    },
  });
  healthRoutes(app, parts);
  await app.register(async (open: App) => {
    await limitRate(open, parts.limits);
    loginRoutes(open, parts);
  });
  await app.register(async (guarded: App) => {
    await limitRate(guarded, parts.limits);
    if (!options.open) {
      guarded.addHook('onRequest', async (request) => parts.access.check(request));
    }
    openapiRoute(guarded);
    metricsRoutes(guarded, parts, registry);
    siteRoutes(guarded, parts);
    rollupRoutes(guarded, parts);
    streamRoutes(guarded, parts);
    ledgerRoutes(guarded, parts);
    swapRoutes(guarded, parts);
    verifyRoute(guarded, parts);
    liveRoutes(guarded, parts);
    replayRoutes(guarded, parts);
  });
  pageRoutes(app, options.uiDir, options.logger);
  return app;
}

function createServer(options: GatewayOptions, limits: HttpLimits): App {
  const { tls } = options.site.http;
  const http = {
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: limits.checkingMs,
    maxHeaderSize: limits.headerBytes,
    // Asked for HTTP/2 the answer is HTTP/1.1, as if it had not been asked.
    shouldUpgradeCallback: (request: IncomingMessage) =>
      request.headers.upgrade?.toLowerCase() === 'websocket',
  };
  return Fastify({
    // The types know a server with TLS as another kind of server; to the routes both are the same.
    ...((tls ? { https: { ...http, ...readTls(tls), handshakeTimeout: limits.headersMs } } : { http }) as {
      http: typeof http;
    }),
    loggerInstance: options.logger,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.idleMs,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
    // A line a request would be the largest log of the appliance; the metrics count them.
    logController: new LogController({ disableRequestLogging: true }),
    schemaController: OWN_COMPILERS,
    frameworkErrors: (fault, request, reply) => sendFault(fault, request, reply),
  }).withTypeProvider<TypeBoxTypeProvider>();
}

/**
 * Questions are checked by `compileCheck`, and answers are written by V8, which is as fast: the compilers that Fastify would
 * load for both took a tenth of a start and several MB, and made functions for each status of each route.
 */
const OWN_COMPILERS = {
  compilersFactory: {
    // The types know Ajv's compiler only; to Fastify any function that gives a check will do.
    buildValidator: (() => compileCheck) as never,
    buildSerializer: () => () => (answer: unknown) => JSON.stringify(answer),
  },
};

/** The page loads nothing from elsewhere and runs no script that is written into it. */
const HEADERS = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      // uPlot and Preact set styles of elements from scripts, which CSP calls inline only in markup.
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      manifestSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'self'"],
    },
  },
  // Boards are reached over plain HTTP on a LAN, where promising TLS would lock their users out.
  strictTransportSecurity: false,
  crossOriginEmbedderPolicy: false,
  // Browsers ignore it there too, and complain about it on every page.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  referrerPolicy: { policy: 'same-origin' as const },
};

function guardRequests(app: App, hosts: HostGuard): void {
  app.addHook('onRequest', async (request, reply) => {
    const fault = hosts.fault(request.raw);
    if (fault) throw fault;
    refuseBody(request, reply);
  });
  app.addHook('onSend', async (request, reply) => {
    if (!reply.hasHeader('cache-control') && isData(request)) reply.header('cache-control', 'no-store');
  });
}

const isData = (request: FastifyRequest): boolean => request.routeOptions.url?.startsWith('/api/') ?? false;

async function limitRate(app: App, limits: HttpLimits): Promise<void> {
  await app.register(fastifyRateLimit, {
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    errorResponseBuilder: (_request, context) =>
      new WeirError('WEIR_BUSY', `More than ${context.max} requests a minute came from this address.`, {
        suggestion: `Try again in ${context.after}.`,
      }),
  });
}

function answerFaults(app: App): void {
  app.setErrorHandler((fault: unknown, request, reply) => sendFault(fault, request, reply));
  app.setNotFoundHandler(async (request) => {
    const path = request.url.split('?', 1)[0];
    const near = nearest(path, PATHS);
    throw new WeirError('WEIR_NOT_FOUND', `There is no ${request.method} ${quoted(path)}.`, {
      field: 'path',
      suggestion: near ? `Did you mean ${near}?` : 'The paths are listed in /api/v1/openapi.json.',
    });
  });
}

/** Paths that take no name, which are the ones that a typing slip can be told from. */
const PATHS = [
  '/healthz',
  '/readyz',
  '/version',
  '/metrics',
  '/api/v1/site',
  '/api/v1/status',
  '/api/v1/ledger',
  '/api/v1/quarantine',
  '/api/v1/live',
  '/api/v1/swaps',
  '/api/v1/swaps/undo',
  '/api/v1/verify',
  '/api/v1/replays',
  '/api/v1/reports',
  '/api/v1/login',
  '/api/v1/logout',
  '/api/v1/openapi.json',
];
