import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { CHECKPOINT_SLICE_BYTES, type RunStore, type RunView } from '../../../engine/run-store.ts';
import { bytes, entriesOf, type Model, modelDrop, modelPut, text } from './sample-entries.ts';

/** A store under test: `reopen` closes and opens it again, `fold` folds all that can be folded. */
export interface StoreUnderTest {
  store: RunStore;
  reopen(): Promise<RunStore>;
  fold(): Promise<void>;
  /** A little of that: leaves folds begun, or done and not yet durable. */
  foldSome(): Promise<void>;
  dropBefore(shard: number, table: string, period: number): Promise<void>;
  dispose(): Promise<void>;
}

/** What every run store keeps to. The merge of a table is taken to be: values put together, oldest first. */
export function runStoreSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`run store: ${name}`, () => {
    let under: StoreUnderTest | null = null;
    afterEach(async () => {
      await under?.dispose();
      under = null;
    });
    const opened = async (): Promise<StoreUnderTest> => {
      under = await open();
      return under;
    };

    test('a shard without a checkpoint stands at position 0 and holds nothing', async () => {
      const { store } = await opened();
      expect(store.position(0)).toBe(0);
      const view = store.view(0);
      expect(view.get('roll', 1, bytes('a'))).toEqual([]);
      expect([...view.scan('roll', 1)]).toEqual([]);
      expect(view.periods('roll', -Infinity, Infinity)).toEqual([]);
      view.close();
    });

    test('nothing of a checkpoint shows before commit, all of it and the position after', async () => {
      const { store } = await opened();
      const checkpoint = store.checkpoint(0, 7);
      checkpoint.put('roll', 60_000, bytes('a'), bytes('1'));
      await checkpoint.flush();
      expect(read(store, 0, 'roll', 60_000)).toEqual({});
      expect(store.position(0)).toBe(0);
      await checkpoint.commit();
      expect(read(store, 0, 'roll', 60_000)).toEqual({ a: ['1'] });
      expect(store.position(0)).toBe(7);
      expect(store.position(4)).toBe(0);
    });

    test('an abandoned checkpoint leaves no trace', async () => {
      const { store } = await opened();
      const checkpoint = store.checkpoint(0, 7);
      for (const key of manyKeys(2_000)) checkpoint.put('roll', 0, bytes(key), new Uint8Array(200));
      await checkpoint.flush();
      await checkpoint.abandon();
      expect(store.position(0)).toBe(0);
      expect(read(store, 0, 'roll', 0)).toEqual({});
      await put(store, 0, 1, [['roll', 0, 'a', '1']]);
      expect(read(store, 0, 'roll', 0)).toEqual({ a: ['1'] });
    });

    test('values of several checkpoints come oldest first, and keys in byte order', async () => {
      const { store } = await opened();
      await put(store, 0, 1, [['roll', 0, 'b', '1']]);
      await put(store, 0, 2, [
        ['roll', 0, 'a', '2'],
        ['roll', 0, 'b', '2'],
        ['roll', 0, 'é', '2'],
      ]);
      await put(store, 0, 3, [['roll', 0, 'b', '3']]);
      const view = store.view(0);
      expect(view.get('roll', 0, bytes('b')).map(text)).toEqual(['1', '2', '3']);
      expect([...view.scan('roll', 0)].map(({ key }) => text(key))).toEqual(['a', 'b', 'é']);
      view.close();
    });

    test('a view stays as it was while checkpoints, folds and drops go on', async () => {
      const under = await opened();
      const { store } = under;
      await put(store, 0, 1, [['roll', 0, 'a', '1']]);
      const small = store.view(0);
      await put(store, 0, 2, [['roll', 0, 'a', '2'], ...big(500)]);
      const large = store.view(0);
      await put(store, 0, 3, [['roll', 0, 'a', '3'], ...big(500)]);
      await under.fold();
      await under.dropBefore(0, 'roll', 1);
      await under.dropBefore(0, 'big', 1);
      await under.fold();
      expect(small.get('roll', 0, bytes('a')).map(text)).toEqual(['1']);
      expect(small.periods('big', 0, 0)).toEqual([]);
      expect(large.get('roll', 0, bytes('a')).map(text)).toEqual(['1', '2']);
      expect([...large.scan('big', 0)]).toHaveLength(500);
      small.close();
      large.close();
      expect(read(store, 0, 'roll', 0)).toEqual({});
    });

    test('periods come ascending, between bounds, before 1970 too', async () => {
      const { store } = await opened();
      await put(
        store,
        0,
        1,
        [3, -5, 0, 10].map((period) => ['roll', period, 'a', '1']),
      );
      const view = store.view(0);
      expect(view.periods('roll', -Infinity, Infinity)).toEqual([-5, 0, 3, 10]);
      expect(view.periods('roll', -5, 3)).toEqual([-5, 0, 3]);
      expect(view.periods('other', -5, 3)).toEqual([]);
      view.close();
    });

    test('more than a slice, in tables and periods that take turns, is read back whole', async () => {
      const under = await opened();
      const checkpoint = under.store.checkpoint(4, 9);
      const keys = manyKeys(3_000);
      let flushes = 0;
      for (const key of keys)
        for (const table of ['one', 'two']) {
          checkpoint.put(table, key.length % 3, bytes(key), bytes(noise(key + table)));
          if (checkpoint.pendingBytes() < CHECKPOINT_SLICE_BYTES / 8) continue;
          await checkpoint.flush();
          flushes++;
        }
      await checkpoint.commit();
      expect(flushes).toBeGreaterThan(1);
      const store = await under.reopen();
      const view = store.view(4);
      for (const key of keys)
        expect(view.get('two', key.length % 3, bytes(key)).map(text)).toEqual([noise(`${key}two`)]);
      for (const miss of ['', 'k', 'k00000000x', 'zzz']) expect(view.get('two', 0, bytes(miss))).toEqual([]);
      view.close();
    });

    test('is what a plain map says, whatever is checkpointed, folded, dropped and reopened', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
          const one = await open();
          try {
            await follow(one, steps);
          } finally {
            await one.dispose();
          }
        }),
        { numRuns: 60 },
      );
    }, 120_000);
  });
}

type Step =
  | { do: 'put'; shard: number; entries: [number, number, string, number][]; commit: boolean }
  | { do: 'fold'; whole: boolean }
  | { do: 'drop'; shard: number; table: number; period: number }
  | { do: 'reopen' };

const entry = fc.tuple(
  fc.nat({ max: 1 }),
  fc.integer({ min: -1, max: 2 }),
  fc.string({ maxLength: 4 }),
  fc.constantFrom(0, 1, 40, 3_000, 20_000),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      shard: fc.constantFrom(0, 4),
      entries: fc.array(entry, { maxLength: 20 }),
      commit: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('fold' as const), whole: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('drop' as const),
      shard: fc.constantFrom(0, 4),
      table: fc.nat({ max: 1 }),
      period: fc.integer({ min: -1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);

async function follow(under: StoreUnderTest, steps: Step[]): Promise<void> {
  let store = under.store;
  const models = new Map<number, Model>([
    [0, new Map()],
    [4, new Map()],
  ]);
  let position = 0;
  for (const each of steps) {
    position++;
    if (each.do === 'fold') await (each.whole ? under.fold() : under.foldSome());
    if (each.do === 'reopen') store = await under.reopen();
    if (each.do === 'drop') {
      await under.dropBefore(each.shard, `table${each.table}`, each.period);
      modelDrop(models.get(each.shard)!, `table${each.table}`, each.period);
    }
    if (each.do === 'put') {
      const model = models.get(each.shard)!;
      const entries = sorted(each.entries).map(([table, period, key, length], at) => {
        const value = `${position}.${at};`.repeat(1 + length / 8);
        return [`table${table}`, period, key, value] as Entry;
      });
      const checkpoint = store.checkpoint(each.shard, position);
      for (const [table, period, key, value] of entries)
        checkpoint.put(table, period, bytes(key), bytes(value));
      if (each.commit) await checkpoint.commit();
      else await checkpoint.abandon();
      if (each.commit) for (const one of entries) modelPut(model, ...one);
    }
  }
  for (const [shard, model] of models) expect(entriesOf(store, shard, ['table0', 'table1'])).toEqual(model);
}

/** Ascending by key, without the same key twice in a table and period. */
function sorted(entries: [number, number, string, number][]): [number, number, string, number][] {
  const unique = new Map(entries.map((one) => [`${one[0]}|${one[1]}|${one[2]}`, one]));
  return [...unique.values()].sort((a, b) => Buffer.compare(Buffer.from(a[2]), Buffer.from(b[2])));
}

type Entry = [table: string, period: number, key: string, value: string];

async function put(store: RunStore, shard: number, position: number, entries: Entry[]): Promise<void> {
  const checkpoint = store.checkpoint(shard, position);
  for (const [table, period, key, value] of entries) checkpoint.put(table, period, bytes(key), bytes(value));
  await checkpoint.commit();
}

function read(store: RunStore, shard: number, table: string, period: number): Record<string, string[]> {
  const view: RunView = store.view(shard);
  const found: Record<string, string[]> = {};
  for (const { key, values } of view.scan(table, period)) found[text(key)] = values.map(text);
  view.close();
  return found;
}

/** Text that does not compress to nothing. */
function noise(of: string): string {
  return createHash('sha512').update(of).digest('hex').repeat(2);
}

function manyKeys(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `k${String(at).padStart(8, '0')}`);
}

function big(count: number): Entry[] {
  return manyKeys(count).map((key) => ['big', 0, key, key.repeat(10)]);
}
