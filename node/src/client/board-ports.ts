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
  logLevel: string;
}

/**
 * In this order: the thread loads its code by itself, builds what answers at `begin`, and listens at `listen`, which tells
 * where the broker takes MQTT: `/mqtt` is piped there. So it is made ready beside everything else that a start does.
 */
export type GatewayMessage =
  | { kind: 'begin'; ports: BoardPorts; gateway: GatewaySetup }
  | { kind: 'listen'; mqtt: { host: string; port: number } }
  | { kind: 'shard-port'; thread: number; port: MessagePort }
  | { kind: 'close' };

export type FromGateway =
  | { kind: 'listening'; url: string; firstToken: string | null }
  | { kind: 'refused'; code: ErrorCode | null; message: string; suggestion: string | null }
  | { kind: 'closed' };
