import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { serveCalls } from '../client/rpc.ts';
import { settleThread } from '../client/settle-thread.ts';
import { isWeirError } from '../contract/index.ts';
import { ArchiveLoop, type ArchiveSetup } from './archive-loop.ts';
import { openShards } from './open-shards.ts';
import { ReplayLoop } from './replay-loop.ts';
import type { ReplaySetup } from './shadow-messages.ts';
import { ShardLoop } from './shard-loop.ts';
import type { FromThread, ThreadSetup, ToThread } from './thread-messages.ts';

/**
 * What a thread of shards runs: those that serve, those that a replay makes anew, or the writing of
 * the archive. A fault that nobody handles ends
 * the thread; the board starts one that serves again.
 */
if (!parentPort) throw new Error('this file is the entry of a worker thread');
settleThread();
const setup = workerData as ThreadSetup | ((ReplaySetup | ArchiveSetup) & { port: MessagePort });
if (setup.kind === 'replay') serveCalls(setup.port, new ReplayLoop(setup).calls);
else if (setup.kind === 'archive') serveCalls(setup.port, new ArchiveLoop(setup).calls);
else await serve(parentPort, setup);

async function serve(port: NonNullable<typeof parentPort>, setup: ThreadSetup): Promise<void> {
  const post = (message: FromThread) => port.postMessage(message);
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
  post({
    kind: 'opened',
    positions: [...engines].map(([shard, engine]) => [shard, engine.position]),
    rebuilt,
  });
}
