import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import type { ListenAt } from '../broker/index.ts';
import type { BoardPorts, FromGateway, GatewayMessage, GatewaySetup } from '../client/index.ts';
import { WeirError } from '../contract/index.ts';
import { startThread } from '../shipped/index.ts';
import { type BoardFacts, serveBoard } from './board-calls.ts';
import type { ShardThreads } from './shard-threads.ts';

/** Answers are a few hundred kB; V8's own bound for what is young would take 100 MB. */
const YOUNG_MB = 24;

/** The gateway that listens. */
export interface RunningGateway {
  url: string;
  /** In clear, once: the token that was made because there was none. */
  firstToken: string | null;
}

/**
 * The gateway in its own thread, with a line to the main thread and one to each shard thread. To load its code takes longer
 * than anything else of a start, so the thread is there first, and is told step by step what it is to do.
 */
export class GatewayThread {
  /** Resolves when the thread ended by itself. */
  readonly failed: Promise<Error>;
  readonly #worker: Worker;
  readonly #told: Promise<FromGateway>;
  #board: MessagePort | null = null;

  /** Its code is being loaded from here on. */
  constructor(entry: URL) {
    this.#worker = startThread(entry, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
    this.failed = watch(this.#worker);
    // It may refuse before anybody waits for it.
    this.#told = new Promise((resolve) => this.#worker.once('message', resolve));
  }

  /** Everything that answers is made, and nothing listens yet. */
  begin(setup: GatewaySetup, ports: Omit<BoardPorts, 'board' | 'shards'>, shards: ShardThreads): void {
    const lines: MessagePort[] = [];
    let isTold = false;
    shards.onPorts((thread, port) => {
      if (isTold)
        this.#worker.postMessage({ kind: 'shard-port', thread, port } satisfies GatewayMessage, [port]);
      else lines[thread] = port;
    });
    const { port1, port2 } = new MessageChannel();
    this.#board = port1;
    const all: BoardPorts = { ...ports, board: port2, shards: lines };
    const message: GatewayMessage = { kind: 'begin', ports: all, gateway: setup };
    this.#worker.postMessage(message, [port2, ...lines]);
    isTold = true;
  }

  async listen(mqtt: ListenAt, facts: BoardFacts): Promise<RunningGateway> {
    if (this.#board === null) throw new Error('the gateway was not begun');
    serveBoard(this.#board, facts);
    this.#worker.postMessage({ kind: 'listen', mqtt } satisfies GatewayMessage);
    return listening(this.#worker, this.#told, this.failed);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.postMessage({ kind: 'close' } satisfies GatewayMessage);
    await ended;
  }

  /** At once, where a start failed: nobody was answered yet. */
  async discard(): Promise<void> {
    await this.#worker.terminate();
  }
}

function watch(worker: Worker): Promise<Error> {
  return new Promise((resolve) => {
    worker.on('error', (fault) => resolve(fault instanceof Error ? fault : new Error(String(fault))));
    worker.on('exit', () => resolve(new Error('the gateway thread ended by itself')));
  });
}

async function listening(
  worker: Worker,
  told: Promise<FromGateway>,
  failed: Promise<Error>,
): Promise<RunningGateway> {
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
