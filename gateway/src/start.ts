import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WeirError } from '@weir/node/contract';
import { buildApp } from './app.ts';
import type { Gateway, GatewayOptions } from './context.ts';
import { Access } from './guard/access.ts';
import { boundConnections } from './guard/connections.ts';
import { HostGuard, isLoopback } from './guard/hosts.ts';
import { QuestionGate } from './guard/question-gate.ts';
import { followTls } from './guard/tls.ts';
import { Upgrades } from './guard/upgrades.ts';
import { HTTP_LIMITS } from './limits.ts';
import { LiveHub } from './live/hub.ts';
import type { App, Parts } from './routes/parts.ts';

/** Answers in flight are waited for this long when the gateway closes. */
const DRAIN_MS = 2_000;

/** Listens, and answers what the board's client knows. Rejects without listening where that would not be safe. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  return (await prepareGateway(options)).listen();
}

/** Everything but listening: a board prepares it while its stores open. */
export async function prepareGateway(options: GatewayOptions): Promise<{ listen(): Promise<Gateway> }> {
  assertSafe(options);
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const now = options.now ?? Date.now;
  const parts: Parts = {
    client: options.client,
    gate: new QuestionGate(limits),
    hub: new LiveHub(options.client, limits),
    access: new Access(options.tokens ?? null, options.users ?? null, limits, now),
    limits,
    now,
    version: options.version,
  };
  const hosts = new HostGuard(options.listen.host, options.hostnames ?? []);
  const app = await buildApp(options, parts, hosts);
  boundConnections(app.server, limits);
  refuseWaitingBodies(app, limits.bodyBytes);
  const upgrades = new Upgrades(hosts, options.webSocket);
  app.server.on('upgrade', (request, socket, head) => upgrades.take(request, socket, head));
  app.addHook('preClose', async () => {
    parts.hub.close();
    upgrades.close();
  });
  const { tls } = options.site.http;
  if (tls) {
    const unfollow = followTls(app.server, tls, options.logger);
    app.addHook('onClose', async () => unfollow());
  }
  return {
    async listen() {
      await listen(app, options.listen);
      return opened(app, tls !== null);
    },
  };
}

const UNUSABLE: Record<string, string> = {
  EADDRINUSE: 'something listens there already',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'the system does not allow that port',
  ENOTFOUND: 'there is no such host',
};

async function listen(app: App, { host, port }: GatewayOptions['listen']): Promise<void> {
  try {
    // The name stands for two addresses, of which the second would be served without the guards of the first.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port });
  } catch (cause) {
    await app.close();
    const why = UNUSABLE[(cause as NodeJS.ErrnoException).code ?? ''];
    if (why === undefined) throw cause;
    throw new WeirError('WEIR_USAGE', `HTTP cannot be served at ${host}:${port}: ${why}.`, {
      cause,
      field: 'http',
      suggestion: 'Choose another address with --http HOST:PORT; port 0 picks one.',
    });
  }
}

function assertSafe({ open, listen, tokens }: GatewayOptions): void {
  if (isLoopback(listen.host)) return;
  if (open) {
    throw new WeirError('WEIR_NOT_ALLOWED', `Without a log-in only loopback is served, not ${listen.host}.`, {
      field: 'http',
      suggestion: 'Listen on 127.0.0.1, or leave out --open.',
    });
  }
  if (!tokens) {
    throw new WeirError('WEIR_NOT_ALLOWED', `There is no access token, so ${listen.host} is not served.`, {
      field: 'http',
      suggestion: 'Listen on 127.0.0.1, or make a token.',
    });
  }
}

function opened(app: App, isSecure: boolean): Gateway {
  const { address, port, family } = app.server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `${isSecure ? 'https' : 'http'}://${host}:${port}`,
    host: address,
    port,
    close: async () => {
      const timer = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS);
      await app.close();
      clearTimeout(timer);
    },
  };
}

/** A client that asks before it sends (curl does, for a large body) is told no before it sends. */
function refuseWaitingBodies(app: App, bodyBytes: number): void {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (Number(request.headers['content-length'] ?? 0) <= bodyBytes) response.writeContinue();
    app.server.emit('request', request, response);
  });
}
