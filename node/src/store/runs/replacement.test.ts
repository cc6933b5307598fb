import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WeirError } from '../../contract/index.ts';
import type { TableWriter } from '../../engine/compare-tables.ts';
import type { Checkpoint, RunStore, RunView } from '../../engine/run-store.ts';
import { MemoryRunStore } from '../../engine/testing/memory-run-store.ts';
import { openLevelRunStore } from './level-run-store.ts';
import { bytes, entriesOf, join } from './testing/sample-entries.ts';

/** What both stores do the same way. */
interface Subject {
  store: RunStore;
  replacement(view: RunView): Checkpoint & TableWriter;
  holdFolds(): Promise<() => void>;
  /** Every period to one run, as far as folds are not held. */
  fold(): Promise<void>;
  reset(): Promise<void>;
  /** As at the next start. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

async function onDisk(): Promise<Subject> {
  const dir = await mkdtemp(path.join(tmpdir(), 'weir-runs-'));
  const open = () => openLevelRunStore({ dir: path.join(dir, 'store'), shards: [0], merge: () => join });
  let store = await open();
  const subject: Subject = {
    store,
    replacement: (view) => store.replacement(0, view as ReturnType<typeof store.view>),
    holdFolds: () => store.holdFolds(),
    fold: async () => {
      while (await store.foldSome(50, true));
    },
    reset: () => store.reset(0),
    reopen: async () => {
      await store.close();
      store = await open();
      subject.store = store;
      expect(await store.scrub()).toEqual([]);
    },
    close: async () => {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
  return subject;
}

async function inMemory(): Promise<Subject> {
  const store = new MemoryRunStore(() => join);
  return {
    store,
    replacement: (view) => store.replacement(0, view),
    holdFolds: async () => store.holdFolds(),
    fold: async () => store.fold(0),
    reset: async () => store.reset(0),
    reopen: async () => store.crash(),
    close: async () => undefined,
  };
}

type Some = [period: number, key: string, value: string][];

async function put(store: RunStore, position: number, entries: Some): Promise<void> {
  const to = store.checkpoint(0, position);
  for (const [period, key, value] of entries) to.put('roll', period, bytes(key), bytes(value));
  await to.commit();
}

const stored = (store: RunStore) =>
  [...(entriesOf(store, 0, ['roll']).get('roll') ?? [])].map(([period, entries]) => [
    period,
    Object.fromEntries(entries),
  ]);

describe.each([
  ['on disk', onDisk],
  ['in memory', inMemory],
])('a store %s', (_, open) => {
  let subject: Subject;
  beforeEach(async () => {
    subject = await open();
  });
  afterEach(() => subject.close());

  test('what is written anew takes the place of what was seen; what came since lies on top', async () => {
    await put(subject.store, 1, [
      [1, 'a', 'wrong'],
      [1, 'b', 'wrong'],
      [2, 'a', 'kept'],
    ]);
    const release = await subject.holdFolds();
    const view = subject.store.view(0);
    const work = subject.replacement(view);
    work.replaces('roll', 1);
    work.put('roll', 1, bytes('a'), bytes('right'));
    await put(subject.store, 2, [
      [1, 'a', '+'],
      [2, 'a', '+'],
    ]);
    // Were it folded, what the view read would not be there to be taken away.
    await subject.fold();
    await work.commit();
    view.close();
    release();
    const entries = stored(subject.store);
    expect(entries).toEqual([
      [1, { a: expect.stringMatching(/^(?:right\+|\+right)$/) }],
      [2, { a: 'kept+' }],
    ]);
    expect(subject.store.position(0)).toBe(2);
    await subject.fold();
    await subject.reopen();
    expect(stored(subject.store)).toEqual(entries);
  });

  test('what is abandoned leaves no trace, and nothing is written anew under a reset', async () => {
    await put(subject.store, 1, [[1, 'a', 'kept']]);
    const release = await subject.holdFolds();
    const view = subject.store.view(0);
    const work = subject.replacement(view);
    work.replaces('roll', 1);
    work.put('roll', 1, bytes('a'), bytes('other'));
    await work.abandon();
    expect(stored(subject.store)).toEqual([[1, { a: 'kept' }]]);
    const late = subject.replacement(view);
    late.replaces('roll', 1);
    late.put('roll', 1, bytes('a'), bytes('other'));
    await subject.reset();
    await expect(late.commit()).rejects.toMatchObject({ code: 'WEIR_STORE_UNAVAILABLE' });
    await late.abandon();
    view.close();
    release();
    expect(stored(subject.store)).toEqual([]);
  });

  test('without folds held nothing is written anew', () => {
    expect(() => subject.replacement(subject.store.view(0))).toThrow(/held/);
  });
});

test.each([
  [false, [[1, { a: 'wrong', b: 'wrong+' }]]],
  [true, [[1, { a: 'right', b: '+' }]]],
])(
  'in memory what a refused one left behind a crash brings back whole, or nothing of it: %s',
  async (lands, after) => {
    const store = new MemoryRunStore(() => join);
    await put(store, 1, [
      [1, 'a', 'wrong'],
      [1, 'b', 'wrong'],
    ]);
    store.holdFolds();
    const work = store.replacement(0, store.view(0));
    work.replaces('roll', 1);
    work.put('roll', 1, bytes('a'), bytes('right'));
    await put(store, 2, [[1, 'b', '+']]);
    store.refusal = new WeirError('WEIR_STORE_FULL', 'the disk is full');
    await expect(work.commit()).rejects.toMatchObject({ code: 'WEIR_STORE_FULL' });
    expect(stored(store)).toEqual([[1, { a: 'wrong', b: 'wrong+' }]]);
    store.crash(lands);
    expect(stored(store)).toEqual(after);
    expect(store.position(0)).toBe(2);
  },
);
