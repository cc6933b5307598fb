import type { MessagePort } from 'node:worker_threads';
import { hashBytes, LIMITS, shardOfHash } from '../contract/index.ts';
import { Progress } from './progress.ts';
import { Caller } from './rpc.ts';

/** The lines to all shard threads of a board, and which of them to ask. */
export class ShardLines {
  readonly #progress: Progress;
  readonly #threadOfShard: number[];
  readonly #callers: Caller[];
  readonly #onPush: (value: unknown) => void;

  constructor(
    ports: MessagePort[],
    progress: SharedArrayBuffer,
    threadOfShard: number[],
    onPush: (value: unknown) => void,
  ) {
    this.#progress = Progress.over(progress);
    this.#threadOfShard = threadOfShard;
    this.#onPush = onPush;
    this.#callers = ports.map((port) => new Caller(port, onPush));
  }

  reconnect(thread: number, port: MessagePort): void {
    this.#callers[thread] = new Caller(port, this.#onPush);
  }

  close(): void {
    for (const caller of this.#callers) caller.close();
  }

  /** What was acknowledged before this moment is in the answer. */
  get minSeq(): number {
    return this.#progress.durable;
  }

  /** Asks the threads that own the shards; null asks all. Answers come in the order of the threads. */
  ask<T>(method: string, question: object, shards: number[] | null, signal?: AbortSignal): Promise<T[]> {
    const minSeq = this.minSeq;
    const threads = shards === null ? this.#callers.map((_, thread) => thread) : this.#threadsOf(shards);
    return Promise.all(
      threads.map((thread) => this.#callers[thread].call<T>(method, { ...question, shards, minSeq }, signal)),
    );
  }

  #threadsOf(shards: number[]): number[] {
    return [...new Set(shards.map((shard) => this.#threadOfShard[shard]))];
  }
}

/** Shards that hold the keys: one key is asked of one shard, not of twenty-four. */
export function shardsOfKeys(keys: string[]): number[] | null {
  if (keys.length > LIMITS.shards) return null;
  const encoder = new TextEncoder();
  const shards = keys.map((key) => {
    const bytes = encoder.encode(key);
    return shardOfHash(hashBytes(bytes, 0, bytes.length));
  });
  return [...new Set(shards)];
}
