import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { type TlsFiles, WeirError } from '../contract/index.ts';
import type { Peer } from './gate-host.ts';
import { BROKER_LIMITS } from './limits.ts';
import type { BrokerLog, Rejection } from './rejections.ts';
import { readRevocations } from './revocation-list.ts';

export interface ListenAt {
  host: string;
  port: number;
}

export interface ListenerHooks {
  logger: BrokerLog;
  accept(socket: Socket, peer: Peer): void;
  refused(reason: Rejection, fields: object): void;
  /** The revocation list has been read again. */
  revoked?(serials: ReadonlySet<string>): void;
}

export interface Listener {
  address: ListenAt;
  close(): void;
}

const OPTIONS = Object.freeze({
  noDelay: true,
  // What a client sent before it closed its side may still wait for the log; the gate ends the socket.
  allowHalfOpen: true,
  keepAlive: true,
  keepAliveInitialDelay: BROKER_LIMITS.tcpKeepAliveMs,
});
const WATCH_MS = 1_000;

export async function listenTcp(at: ListenAt, hooks: ListenerHooks): Promise<Listener> {
  const server = createServer(OPTIONS, (socket) =>
    hooks.accept(socket, { source: socket.remoteAddress ?? '', transport: 'tcp', certificate: null }),
  );
  return { address: await listen(server, at, hooks), close: () => void server.close() };
}

/** The files are read again when they change; connections that stand keep the keys they began with. */
export async function listenTls(at: ListenAt, files: TlsFiles, hooks: ListenerHooks): Promise<Listener> {
  const read = async () => ({
    cert: await readFile(files.cert),
    key: await readFile(files.key),
    ca: files.ca === null ? undefined : await readFile(files.ca),
    minVersion: 'TLSv1.2' as const,
  });
  let revoked = await readRevocations(files);
  const server: TlsServer = createTlsServer(
    {
      ...OPTIONS,
      ...(await read()),
      requestCert: files.ca !== null,
      // A device without a certificate may have a password; one with a bad certificate is refused below.
      rejectUnauthorized: false,
      handshakeTimeout: BROKER_LIMITS.connectMs,
    },
    (socket) => {
      const peer = peerOf(socket);
      if (peer?.serial !== undefined && revoked.has(peer.serial)) {
        hooks.refused('revoked', { source: peer.source, client: peer.certificate });
        socket.destroy();
      } else if (peer) hooks.accept(socket, peer);
      else {
        hooks.refused('credentials', {
          source: socket.remoteAddress,
          why: String(socket.authorizationError),
        });
        socket.destroy();
      }
    },
  );
  server.on('tlsClientError', (fault, socket) => {
    hooks.refused('protocol', { source: socket.remoteAddress, why: fault.message });
    socket.destroy();
  });
  const reload = () => {
    Promise.all([read(), readRevocations(files)]).then(
      ([context, serials]) => {
        server.setSecureContext(context);
        revoked = serials;
        hooks.revoked?.(serials);
      },
      (fault: unknown) =>
        hooks.logger.error({ err: fault }, 'the TLS files cannot be read; the former ones are used'),
    );
  };
  const watched = [files.cert, files.key, files.ca, files.crl].filter((file) => typeof file === 'string');
  for (const file of watched) watchFile(file, { interval: WATCH_MS, persistent: false }, reload);
  const close = () => {
    for (const file of watched) unwatchFile(file, reload);
    server.close();
  };
  return { address: await listen(server, at, hooks), close };
}

/** Null: a certificate was shown that the authority did not sign. */
function peerOf(socket: TLSSocket): Peer | null {
  const source = socket.remoteAddress ?? '';
  const certificate = socket.getPeerCertificate();
  if (!certificate || Object.keys(certificate).length === 0)
    return { source, transport: 'tls', certificate: null };
  if (!socket.authorized) return null;
  const alternative = /(?:^|, )DNS:([^,]+)/.exec(certificate.subjectaltname ?? '');
  const { CN } = certificate.subject;
  const name = typeof CN === 'string' ? CN : alternative?.[1];
  if (name === undefined) return null;
  return { source, transport: 'tls', certificate: name, serial: certificate.serialNumber };
}

async function listen(server: Server, at: ListenAt, hooks: ListenerHooks): Promise<ListenAt> {
  server.maxConnections = BROKER_LIMITS.connections;
  server.on('drop', (dropped) => hooks.refused('connections', { source: dropped?.remoteAddress }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new WeirError('WEIR_USAGE', `Cannot listen on ${at.host}:${at.port}: ${(cause as Error).message}`, {
          cause,
        }),
      ),
    );
    // One queue for a whole fleet that reconnects at once [53].
    server.listen({ host: at.host, port: at.port, backlog: 4096 }, resolve);
  });
  // No descriptors left: connections wait in the backlog until some are closed [21].
  server.on('error', (fault) => hooks.logger.error({ err: fault }, 'the listener failed'));
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
