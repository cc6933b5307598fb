import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode, Site } from '../contract/index.ts';

/** The ends of the lines from one thread to a board: its main thread and each of its shard threads. */
export interface BoardPorts {
  site: Site;
  version: string;
  progress: SharedArrayBuffer;
  threadOfShard: number[];
  board: MessagePort;
  shards: MessagePort[];
}

/** What the gateway's thread is told beside the lines. */
export interface GatewaySetup {
  host: string;
  port: number;
  open: boolean;
  uiDir: string | null;
  dataDir: string;
  /** Where the broker takes MQTT: `/mqtt` is piped there. */
  mqtt: { host: string; port: number };
  logLevel: string;
}

export type GatewayMessage = { kind: 'shard-port'; thread: number; port: MessagePort } | { kind: 'close' };

export type FromGateway =
  | { kind: 'listening'; url: string; firstToken: string | null }
  | { kind: 'refused'; code: ErrorCode | null; message: string; suggestion: string | null }
  | { kind: 'closed' };
