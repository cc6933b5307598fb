import { encodeRecord, type GroupBuilderPort } from '../../node/src/contract/index.ts';
import { decodeChunk, encodeChunk } from '../../node/src/contract/measures/chunk.ts';
import { decodeKeyState, encodeKeyState } from '../../node/src/contract/measures/key-state.ts';
import type { Checkpoint, RunStore, StoredView } from '../../node/src/engine/run-store.ts';
import { scannedEntries } from '../../node/src/engine/testing/scanned-entries.ts';
import { type Plant, SOUND } from './plant.ts';

/** Bugs as they are made, each planted around a port of the product. The simulation must find every one of them. */
export const PLANTED: Record<string, () => Plant> = {
  'acknowledges before the append is durable': () => ({
    ...SOUND,
    log: (log) => wrapped(log, { append: (record) => started(log.append(record), encodeRecord(record)) }),
  }),
  'takes a refused append for a durable one': () => ({
    ...SOUND,
    log: (log) => wrapped(log, { append: (record) => log.append(record).catch(() => encodeRecord(record)) }),
  }),
  'drops one payload in forty': () => ({ ...SOUND, builder: (builder) => forgetful(builder, 40) }),
  'skips one lookup of a duplicate': () => ({
    ...SOUND,
    store: (store) => blindOnce(store, (table) => table.startsWith('history/')),
  }),
  'loses one delta that merges with a stored bucket': () => lossy('roll/', true),
  'loses one sketch of a bucket': () => lossySketch(),
  'does not know after a restart which registers were swapped': () => ({
    ...SOUND,
    store: (store) => blind(store, (table) => table.startsWith('swaps/')),
  }),
  'does not know after a restart what is in doubt': () => ({ ...SOUND, store: undoubting }),
  'loses one late merge of the coarsest tier': () => lossy('/1d', true),
  'loses one entry of history': () => lossy('history/', false),
  'loses one state of a key': () => lossy('keys/', false),
  'loses one hour of the ledger': () => lossy('ledger/', false),
  'stores no watermark but the first': () => lossy('marks', true, Number.POSITIVE_INFINITY),
  'loses one tuple of dimensions': () => lossy('tuples/', false),
  'moves state to the store without the position': () => ({ ...SOUND, store: positionLags }),
  'takes a refused commit for a committed one': () => ({ ...SOUND, store: commitsAnyway }),
  'begins to replay one record too late': () => ({ ...SOUND, readFrom: (position) => position + 2 }),
  'forgets log that a restart needs': () => ({ ...SOUND, leastCheckpointed: (position) => position + 6 }),
  'fills a shadow from one record too late on': () => ({
    ...SOUND,
    shadow: (store) => wrapped(store, { position: (shard) => store.position(shard) + 1 }),
  }),
  'begins a shadow without the states of its keys': () => ({
    ...SOUND,
    seed: (to) =>
      wrapped(to, {
        put: (table, period, key, value) => {
          if (!table.startsWith('keys/')) to.put(table, period, key, value);
        },
      }),
  }),
  'writes anew nothing of what a replay found': () => ({
    ...SOUND,
    replaces: (store) =>
      wrapped(store, {
        replacement: (shard, view) => ({
          ...store.replacement(shard, view),
          replaces: () => undefined,
          put: () => undefined,
        }),
      }),
  }),
  'takes away what came while a replay was compared': () => ({
    ...SOUND,
    replaces: (store) =>
      wrapped(store, { replacement: (shard) => store.replacement(shard, store.view(shard)) }),
  }),
  'forgets log that a replay needs': () => ({ ...SOUND, keptForReplay: () => null }),
  'misses one durable record in twenty': () => ({ ...SOUND, delivered: (seq) => seq % 20 !== 0 }),
};

function wrapped<T extends object>(inner: T, own: Partial<T>): T {
  return new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = name in own ? own[name as keyof T] : target[name as keyof T];
      return typeof value === 'function' && !(name in own) ? value.bind(target) : value;
    },
  });
}

function started<T>(work: Promise<unknown>, answer: T): Promise<T> {
  // A bug that also swallows the refusal.
  work.catch(() => undefined);
  return Promise.resolve(answer);
}

function forgetful(builder: GroupBuilderPort, every: number): GroupBuilderPort {
  let seen = 0;
  return wrapped(builder, {
    add: (topic, payload, arrivalMs) => {
      if (++seen % every !== 0) builder.add(topic, payload, arrivalMs);
    },
  });
}

/** The first entry found in such a table is not seen. */
function blindOnce(store: RunStore, blind: (table: string) => boolean): RunStore {
  let done = false;
  const view = (inner: StoredView): StoredView => ({
    get: (table, period, key) => {
      const found = inner.get(table, period, key);
      if (done || found.length === 0 || !blind(table)) return found;
      done = true;
      return [];
    },
    scan: (table, period) => inner.scan(table, period),
    entries: (table, period) => inner.entries(table, period),
    periods: (table, from, to) => inner.periods(table, from, to),
    close: () => inner.close(),
  });
  return wrapped(store, { view: (shard) => view(store.view(shard)) });
}

/** A scan of such a table finds nothing. */
function blind(store: RunStore, table: (table: string) => boolean): RunStore {
  return seenThrough(store, (name, values) => (table(name) ? [] : values));
}

/** What a shard is told of its keys is without the states of their registers. */
function undoubting(store: RunStore): RunStore {
  return seenThrough(store, (table, values) =>
    table.startsWith('keys/')
      ? values.map((value) => encodeKeyState({ ...decodeKeyState(value), doubts: [] }))
      : values,
  );
}

/** Scans give what `see` makes of an entry's values; without any there is no entry. */
function seenThrough(store: RunStore, see: (table: string, values: Uint8Array[]) => Uint8Array[]): RunStore {
  const seen = (inner: StoredView, table: string, period: number) =>
    [...inner.scan(table, period)]
      .map(({ key, values }) => ({ key, values: see(table, values) }))
      .filter(({ values }) => values.length > 0);
  const view = (inner: StoredView): StoredView => ({
    get: (table, period, key) => inner.get(table, period, key),
    scan: (table, period) => seen(inner, table, period),
    entries: (table, period) => scannedEntries(seen(inner, table, period)),
    periods: (table, from, to) => inner.periods(table, from, to),
    close: () => inner.close(),
  });
  return wrapped(store, { view: (shard) => view(store.view(shard)) });
}

/** Of one delta of a bucket that has one, the sketch never arrives. */
function lossySketch(): Plant {
  let lost = false;
  const without = (table: string, value: Uint8Array): Uint8Array => {
    if (lost || !table.startsWith('roll/')) return value;
    const buckets = decodeChunk(value);
    const sketches = buckets.sketches.find((some) => some.some((one) => one !== null));
    if (sketches === undefined) return value;
    sketches[sketches.findIndex((one) => one !== null)] = null;
    lost = true;
    return encodeChunk(buckets);
  };
  return {
    ...SOUND,
    store: (store) =>
      wrapped(store, {
        checkpoint: (shard, position) => {
          const inner = store.checkpoint(shard, position);
          return wrapped(inner, {
            put: (table, period, key, value) => inner.put(table, period, key, without(table, value)),
          });
        },
      }),
  };
}

/** A put of such a table never arrives, once; with `merges` one of an entry that is stored already. */
function lossy(part: string, merges: boolean, times = 1): Plant {
  let lost = 0;
  const loses = (store: RunStore, shard: number, table: string, period: number, key: Uint8Array): boolean => {
    if (lost >= times || !table.includes(part)) return false;
    const hit = !merges || store.view(shard).get(table, period, key).length > 0;
    if (hit) lost++;
    return hit;
  };
  const checkpoint = (store: RunStore, shard: number, inner: Checkpoint): Checkpoint => ({
    put: (table, period, key, value) => {
      if (!loses(store, shard, table, period, key)) inner.put(table, period, key, value);
    },
    pendingBytes: () => inner.pendingBytes(),
    flush: () => inner.flush(),
    commit: () => inner.commit(),
    abandon: () => inner.abandon(),
  });
  return {
    ...SOUND,
    store: (store) =>
      wrapped(store, {
        checkpoint: (shard, position) => checkpoint(store, shard, store.checkpoint(shard, position)),
      }),
  };
}

/** What a shard is told at its start is where it stood a record before. */
function positionLags(store: RunStore): RunStore {
  return wrapped(store, { position: (shard) => Math.max(0, store.position(shard) - 1) });
}

function commitsAnyway(store: RunStore): RunStore {
  return wrapped(store, {
    checkpoint: (shard, position) => {
      const inner = store.checkpoint(shard, position);
      return wrapped(inner, {
        commit: () => inner.commit().catch(() => undefined),
      });
    },
  });
}
