import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import { type TlsFiles, WeirError } from '@weir/node/contract';
import type { FastifyBaseLogger } from 'fastify';

/** A renewed certificate is served within this time. */
const LOOK_AGAIN_MS = 60_000;

export interface TlsContext {
  cert: Buffer;
  key: Buffer;
}

export function readTls({ cert, key }: TlsFiles): TlsContext {
  try {
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } catch (cause) {
    throw new WeirError('WEIR_SITE_INVALID', `The certificate cannot be read: ${(cause as Error).message}.`, {
      field: 'http.tls',
      cause,
    });
  }
}

/** Serves a changed certificate without a restart; a broken one is told of, and the one before stays. */
export function followTls(
  server: Server,
  files: TlsFiles,
  logger: FastifyBaseLogger,
  everyMs: number = LOOK_AGAIN_MS,
): () => void {
  if (!(server instanceof SecureServer)) return () => undefined;
  let changedAt = changeOf(files);
  const timer = setInterval(() => {
    const now = changeOf(files);
    if (now === changedAt) return;
    changedAt = now;
    try {
      server.setSecureContext(readTls(files));
      logger.info({ cert: files.cert }, 'the changed certificate is served from now on');
    } catch (fault) {
      logger.error(
        { err: fault, cert: files.cert },
        'the changed certificate cannot be used; the one before stays',
      );
    }
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

// Both times, since a certificate and its key are replaced one after the other.
function changeOf({ cert, key }: TlsFiles): string {
  const time = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return `${time(cert)} ${time(key)}`;
}
