import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { BoardClient } from '@weir/node/client';
import type { Site } from '@weir/node/contract';
import type { FastifyBaseLogger } from 'fastify';
import type { HttpLimits } from './limits.ts';

/** Who may ask. The first token of an appliance is made by `weir up`. */
export interface TokenCheck {
  verify(token: string): boolean;
}

/** People who log in with a name and a password. */
export interface UserCheck {
  /** What tells this user with this password from any other; null where there is none of that name. */
  stamp(name: string): string | null;
  /** The stamp, or null when the password is not right. */
  verify(name: string, password: string): Promise<string | null>;
}

export interface GatewayOptions {
  client: BoardClient;
  site: Site;
  listen: { host: string; port: number };
  /** Asks for no log-in, and refuses any address but loopback. */
  open: boolean;
  /** Where the built page lies, a directory or a place inside the executable; null serves the API alone. */
  uiDir: string | null;
  /** Takes over an upgrade on `/mqtt`. */
  webSocket?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  version: string;
  logger: FastifyBaseLogger;
  tokens?: TokenCheck | null;
  users?: UserCheck | null;
  /** Names beyond loopback and the listening address under which the appliance may be addressed. */
  hostnames?: string[];
  now?: () => number;
  /** Tests tighten the bounds so that they need not wait for them. */
  limits?: Partial<HttpLimits>;
}

export interface Gateway {
  url: string;
  host: string;
  port: number;
  close(): Promise<void>;
}
