import sea from 'node:sea';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { SEA } from './files.ts';

/** A worker thread that runs a shipped entry. In the one executable it begins as its main thread does: with `boot.cjs`. */
export function startThread(entry: URL, options: WorkerOptions): Worker {
  if (entry.protocol !== SEA) return new Worker(entry, options);
  return new Worker(sea.getAsset('boot.cjs', 'utf8'), { ...options, eval: true, argv: [entry.href] });
}
