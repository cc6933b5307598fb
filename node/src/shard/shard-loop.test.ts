import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { Progress } from '../client/progress.ts';
import { encodeRecord, type ShardReadQuestion } from '../contract/index.ts';
import { ShardEngine } from '../engine/engine.ts';
import { buildRecord } from '../engine/testing/build-record.ts';
import { MemoryRunStore } from '../engine/testing/memory-run-store.ts';
import { testSite } from '../engine/testing/test-site.ts';
import type { LevelRunStore } from '../store/runs/level-run-store.ts';
import { Inbox } from './inbox.ts';
import { ShardLoop } from './shard-loop.ts';

const site = testSite();
const BASE = Date.UTC(2026, 2, 10, 8);
const SHARDS = [0, 1, 2];
let asking: MessagePort | null = null;
afterEach(() => asking?.close());

function loopOf({ live = true, readings = 1e9 } = {}) {
  const store = Object.assign(new MemoryRunStore(), { foldSome: async () => false });
  const engines = new Map(SHARDS.map((shard) => [shard, new ShardEngine({ site, shard, store })]));
  const taken: string[] = [];
  for (const engine of engines.values()) {
    const apply = engine.apply.bind(engine);
    engine.apply = (record) => {
      taken.push(`record ${record.seq} by shard ${engine.shard}`);
      apply(record);
    };
    const checkpoint = engine.checkpoint.bind(engine);
    engine.checkpoint = () => {
      taken.push(`checkpoint of shard ${engine.shard}`);
      return checkpoint();
    };
  }
  const setup = {
    kind: 'shards' as const,
    thread: 0,
    site,
    stores: [],
    storeDir: '',
    progress: new Progress(1).shared,
    checkpoint: { readings, everyMs: 1e9 },
  };
  const stores = new Map(SHARDS.map((shard) => [shard, store as unknown as LevelRunStore]));
  const loop = new ShardLoop({ setup, engines, stores, post: () => {} });
  if (live) loop.handle({ kind: 'live' });
  return { loop, taken, positions: () => [...engines.values()].map((engine) => engine.position) };
}

function recordOf(seq: number): Uint8Array {
  const readings = [{ key: 'a', time: BASE, numbers: { kwh: 5 }, texts: { state: 'NY' } }];
  return encodeRecord(buildRecord(site.streams[0], 1, seq, { wallMs: BASE, clockTrusted: true, readings }));
}

function ask(loop: ShardLoop, shards: number[] | null, minSeq: number): MessagePort {
  const { port1, port2 } = new MessageChannel();
  loop.handle({ kind: 'connect', port: port2 });
  const range = { from: BASE - 60_000, to: BASE + 60_000, where: [], maxGroups: 9, edges: false };
  const question: ShardReadQuestion = { rollup: 'usage', groupBy: 0, tier: 0, ...range, shards, minSeq };
  port1.postMessage({ call: 1, method: 'read', params: question });
  asking = port1;
  return port1;
}

const turns = async (n: number): Promise<void> => {
  for (; n > 0; n--) await new Promise((resolve) => setImmediate(resolve));
};

test('a question for one shard has that shard take what it waits for before the others', async () => {
  const { loop, positions, taken } = loopOf();
  const port = ask(loop, [1], 2);
  const answered = once(port, 'message');
  await turns(3);
  loop.handle({ kind: 'record', seq: 1, bytes: recordOf(1) });
  loop.handle({ kind: 'record', seq: 2, bytes: recordOf(2) });
  const [{ value, fault }] = (await answered) as [{ value: { groups: unknown[] }; fault?: unknown }];
  expect(fault).toBeUndefined();
  expect(value.groups).toHaveLength(1);
  await turns(3);
  expect(taken.slice(0, 2)).toEqual(['record 1 by shard 1', 'record 2 by shard 1']);
  expect(taken, 'nothing is taken twice or left out').toHaveLength(6);
  expect(positions()).toEqual([2, 2, 2]);
});

test('a question for all shards waits until all have taken it', async () => {
  const { loop, positions } = loopOf();
  const port = ask(loop, null, 1);
  const answered = once(port, 'message');
  await turns(3);
  loop.handle({ kind: 'record', seq: 1, bytes: recordOf(1) });
  expect(positions()).toEqual([0, 0, 0]);
  await answered;
  expect(positions()).toEqual([1, 1, 1]);
});

test('readings make no checkpoint due until all that was read from the log is taken', async () => {
  const { loop, taken } = loopOf({ live: false, readings: 1 });
  for (const seq of [1, 2]) loop.handle({ kind: 'record', seq, bytes: recordOf(seq) });
  loop.handle({ kind: 'live' });
  await turns(20);
  const begun = SHARDS.map((shard) => taken.indexOf(`checkpoint of shard ${shard}`));
  expect(begun[0]).toBe(2 * SHARDS.length);
  expect(begun).toEqual(begun.toSorted((a, b) => a - b));
});

test('the inbox makes steps in order, as many a turn as its time allows', async () => {
  const made: string[] = [];
  const inbox = new Inbox<string>(function* (entry) {
    for (const step of [1, 2]) {
      made.push(`${entry}${step}`);
      yield;
    }
  }, 0);
  inbox.push('a');
  inbox.push('b');
  await turns(1);
  expect(made).toEqual(['a1']);
  expect(inbox.waiting()).toEqual(['a', 'b']);
  await turns(2);
  expect(inbox.waiting()).toEqual(['b']);
  inbox.hold(true);
  inbox.first(
    (function* () {
      made.push('asked');
      yield;
    })(),
  );
  await turns(4);
  expect(made.slice(2), 'held').toEqual(['asked']);
  inbox.hold(false);
  await turns(4);
  expect(made).toEqual(['a1', 'a2', 'asked', 'b1', 'b2']);
  expect(inbox.size).toBe(0);
});
