import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LevelRunStore, openLevelRunStore } from './level-run-store.ts';
import { bytes, entriesOf, join } from './testing/sample-entries.ts';

let dir = '';
let store: LevelRunStore;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'weir-runs-'));
  store = await open();
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true });
});

const open = () => openLevelRunStore({ dir: path.join(dir, 'store'), shards: [0], merge: () => join });

async function put(position: number, entries: [period: number, key: string, value: string][]): Promise<void> {
  const to = store.checkpoint(0, position);
  for (const [period, key, value] of entries) to.put('roll', period, bytes(key), bytes(value));
  await to.commit();
}

const stored = () =>
  [...(entriesOf(store, 0, ['roll']).get('roll') ?? [])].map(([period, entries]) => [
    period,
    Object.fromEntries(entries),
  ]);

test('what is written anew takes the place of what was seen; what came since lies on top', async () => {
  await put(1, [
    [1, 'a', 'wrong'],
    [1, 'b', 'wrong'],
    [2, 'a', 'kept'],
  ]);
  const release = await store.holdFolds();
  const view = store.view(0);
  const work = store.replacement(0, view);
  work.replaces('roll', 1);
  work.put('roll', 1, bytes('a'), bytes('right'));
  await put(2, [
    [1, 'a', '+'],
    [2, 'a', '+'],
  ]);
  expect(await store.foldSome(50, true)).toBe(false);
  await work.commit();
  view.close();
  release();
  const entries = stored();
  expect(entries).toEqual([
    [1, { a: expect.stringMatching(/^(?:right\+|\+right)$/) }],
    [2, { a: 'kept+' }],
  ]);
  expect(store.position(0)).toBe(2);
  while (await store.foldSome(50, true));
  await store.close();
  store = await open();
  expect(stored()).toEqual(entries);
  expect(await store.scrub()).toEqual([]);
});

test('what is abandoned leaves no trace, and nothing is written anew under a reset', async () => {
  await put(1, [[1, 'a', 'kept']]);
  const release = await store.holdFolds();
  const view = store.view(0);
  const work = store.replacement(0, view);
  work.replaces('roll', 1);
  work.put('roll', 1, bytes('a'), bytes('other'));
  await work.abandon();
  expect(stored()).toEqual([[1, { a: 'kept' }]]);
  const late = store.replacement(0, view);
  late.replaces('roll', 1);
  late.put('roll', 1, bytes('a'), bytes('other'));
  await store.reset(0);
  await expect(late.commit()).rejects.toMatchObject({ code: 'WEIR_STORE_UNAVAILABLE' });
  await late.abandon();
  view.close();
  release();
  expect(stored()).toEqual([]);
});

test('without folds held nothing is written anew', () => {
  expect(() => store.replacement(0, store.view(0))).toThrow(/held/);
});
