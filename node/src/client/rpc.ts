import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, WeirError } from '../contract/index.ts';

/**
 * Calls across a MessagePort. Pending calls are bounded, an aborted call tells the other side, and a fault crosses
 * with its code, so that a `WeirError` thrown in a shard's thread is a `WeirError` in the gateway's.
 */

/** A port's far side may stop answering; past this many open calls a new one is refused. */
const MAX_PENDING_CALLS = 4096;

interface Call {
  call: number;
  method: string;
  params: unknown;
}
interface Abort {
  abort: number;
}
interface Reply {
  reply: number;
  value?: unknown;
  fault?: WireFault;
}
interface Push {
  push: unknown;
}
interface WireFault {
  code: ErrorCode | null;
  message: string;
  field?: string | undefined;
  suggestion?: string | undefined;
}

type Handler = (params: never, signal: AbortSignal) => unknown;

export function serveCalls(
  port: MessagePort,
  handlers: Record<string, Handler>,
): { push(value: unknown): void } {
  const running = new Map<number, AbortController>();
  port.on('message', (message: Call | Abort) => {
    if ('abort' in message) running.get(message.abort)?.abort();
    else void answer(message);
  });
  async function answer({ call, method, params }: Call): Promise<void> {
    const control = new AbortController();
    running.set(call, control);
    let reply: Reply;
    try {
      const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
      if (!handler) throw new Error(`no method ${method}`);
      reply = { reply: call, value: await handler(params as never, control.signal) };
    } catch (fault) {
      reply = { reply: call, fault: toWire(fault) };
    } finally {
      running.delete(call);
    }
    port.postMessage(reply);
  }
  return { push: (value) => port.postMessage({ push: value } satisfies Push) };
}

interface Pending {
  resolve(value: unknown): void;
  reject(fault: unknown): void;
  release(): void;
}

export class Caller {
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #next = 1;

  constructor(port: MessagePort, onPush: (value: unknown) => void = () => {}) {
    this.#port = port;
    port.on('message', (message: Reply | Push) => {
      if ('push' in message) onPush(message.push);
      else this.#settle(message);
    });
    port.on('close', () => this.#failAll());
  }

  call<T>(method: string, params: unknown, signal?: AbortSignal): Promise<T> {
    if (this.#pending.size >= MAX_PENDING_CALLS)
      return Promise.reject(
        new WeirError('WEIR_BUSY', `${MAX_PENDING_CALLS} questions are waiting; try again later`),
      );
    signal?.throwIfAborted();
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        this.#port.postMessage({ abort: id } satisfies Abort);
        this.#pending.delete(id);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const release = () => signal?.removeEventListener('abort', onAbort);
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, release });
      this.#port.postMessage({ call: id, method, params } satisfies Call);
    });
  }

  /** Lets go of the line; what is open rejects. */
  close(): void {
    this.#port.close();
  }

  #settle({ reply, value, fault }: Reply): void {
    const pending = this.#pending.get(reply);
    if (!pending) return;
    this.#pending.delete(reply);
    pending.release();
    if (fault) pending.reject(fromWire(fault));
    else pending.resolve(value);
  }

  #failAll(): void {
    for (const pending of this.#pending.values()) {
      pending.release();
      pending.reject(
        new WeirError('WEIR_NOT_READY', 'the thread that was asked has stopped; it is being started again'),
      );
    }
    this.#pending.clear();
  }
}

function toWire(fault: unknown): WireFault {
  if (fault instanceof WeirError)
    return { code: fault.code, message: fault.message, field: fault.field, suggestion: fault.suggestion };
  return { code: null, message: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault) };
}

function fromWire(fault: WireFault): Error {
  if (fault.code === null) return new Error(fault.message);
  const more: { field?: string; suggestion?: string } = {};
  if (fault.field !== undefined) more.field = fault.field;
  if (fault.suggestion !== undefined) more.suggestion = fault.suggestion;
  return new WeirError(fault.code, fault.message, more);
}
