import type { MessagePort } from 'node:worker_threads';
import { ShardLines } from '../client/shard-lines.ts';
import type { ShardThreads } from './shard-threads.ts';

/** Lines from the main thread to the shard threads, also to those that are started again. */
export function boardLines(shards: ShardThreads): ShardLines {
  const ports: MessagePort[] = [];
  let lines: ShardLines | null = null;
  shards.onPorts((thread, port) => {
    if (lines === null) ports[thread] = port;
    else lines.reconnect(thread, port);
  });
  lines = new ShardLines(ports, shards.progress.shared, shards.threadOfShard, () => undefined);
  return lines;
}
