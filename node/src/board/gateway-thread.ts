import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import type { BoardPorts, FromGateway, GatewayMessage, GatewaySetup } from '../client/index.ts';
import { WeirError } from '../contract/index.ts';
import { startThread } from '../shipped/index.ts';
import { type BoardFacts, serveBoard } from './board-calls.ts';
import type { ShardThreads } from './shard-threads.ts';

/** Answers are a few hundred kB; V8's own bound for what is young would take 100 MB. */
const YOUNG_MB = 24;

/** The gateway in its own thread, with a line to the main thread and one to each shard thread. */
export interface GatewayThread {
  url: string;
  /** In clear, once: the token that was made because there was none. */
  firstToken: string | null;
  /** Resolves when the thread ended by itself. */
  failed: Promise<Error>;
  close(): Promise<void>;
}

export async function startGatewayThread(
  entry: URL,
  setup: GatewaySetup,
  ports: Omit<BoardPorts, 'board' | 'shards'>,
  shards: ShardThreads,
  facts: BoardFacts,
): Promise<GatewayThread> {
  const lines: MessagePort[] = [];
  let worker: Worker | null = null;
  shards.onPorts((thread, port) => {
    if (worker === null) lines[thread] = port;
    else worker.postMessage({ kind: 'shard-port', thread, port } satisfies GatewayMessage, [port]);
  });
  const { port1, port2 } = new MessageChannel();
  serveBoard(port1, facts);
  const all: BoardPorts = { ...ports, board: port2, shards: lines };
  worker = startThread(entry, {
    workerData: { ports: all, gateway: setup },
    transferList: [port2, ...lines],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const failed = watch(worker);
  const { url, firstToken } = await listening(worker, failed);
  return { url, firstToken, failed, close: () => close(worker) };
}

function watch(worker: Worker): Promise<Error> {
  return new Promise((resolve) => {
    worker.on('error', (fault) => resolve(fault instanceof Error ? fault : new Error(String(fault))));
    worker.on('exit', () => resolve(new Error('the gateway thread ended by itself')));
  });
}

async function listening(
  worker: Worker,
  failed: Promise<Error>,
): Promise<{ url: string; firstToken: string | null }> {
  const told = new Promise<FromGateway>((resolve) => worker.once('message', resolve));
  const first = await Promise.race([told, failed]);
  if (first instanceof Error) throw first;
  if (first.kind === 'listening') return first;
  await worker.terminate();
  if (first.kind === 'closed') throw new Error('the gateway closed before it listened');
  if (first.code === null)
    throw new WeirError('WEIR_USAGE', `HTTP cannot listen: ${first.message}`, { field: 'http' });
  throw new WeirError(
    first.code,
    first.message,
    first.suggestion === null ? {} : { suggestion: first.suggestion },
  );
}

async function close(worker: Worker): Promise<void> {
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage({ kind: 'close' } satisfies GatewayMessage);
  await ended;
}
