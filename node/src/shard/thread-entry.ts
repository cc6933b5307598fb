import { parentPort, workerData } from 'node:worker_threads';
import { isWeirError } from '../contract/index.ts';
import { openShards } from './open-shards.ts';
import { ShardLoop } from './shard-loop.ts';
import type { FromThread, ThreadSetup, ToThread } from './thread-messages.ts';

/** What a shard's thread runs. A fault that nobody handles ends the thread, and the board starts it again. */
if (!parentPort) throw new Error('this file is the entry of a worker thread');
const port = parentPort;
const post = (message: FromThread) => port.postMessage(message);
const setup = workerData as ThreadSetup;
const early: ToThread[] = [];
const hold = (message: ToThread) => early.push(message);
port.on('message', hold);

const { engines, stores, rebuilt } = await openShards(setup).catch((fault: unknown) => {
  if (isWeirError(fault)) post({ kind: 'failed', code: fault.code, message: fault.message });
  throw fault;
});
const loop = new ShardLoop({ setup, engines, stores, post });
port.off('message', hold);
port.on('message', (message: ToThread) => loop.handle(message));
for (const message of early) loop.handle(message);
post({ kind: 'opened', positions: [...engines].map(([shard, engine]) => [shard, engine.position]), rebuilt });
