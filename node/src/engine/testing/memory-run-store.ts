import { WeirError } from '../../contract/errors.ts';
import { compareBytes } from '../../contract/measures/entry-key.ts';
import { mergeFor } from '../../contract/measures/merge-for.ts';
import type { TableWriter } from '../compare-tables.ts';
import type { Checkpoint, EntryCursor, MergeValues, RunStore, RunView, StoredView } from '../run-store.ts';
import { scannedEntries } from './scanned-entries.ts';

type Entry = { key: Uint8Array; values: Uint8Array[] };
/** What one run has of one table and period. */
type Entries = Map<string, Entry>;
type Tables = Map<string, Map<number, Entries>>;

interface ShardRuns {
  position: number;
  runs: Tables[];
  /** Commits that a bad disk refused: until the next one succeeds a crash may bring them back. */
  doubtful: { checkpoint: (() => void) | null; replacement: (() => void) | null };
}

/** Periods written anew: see the store on disk. */
export type MemoryReplacement = Checkpoint & TableWriter;

/**
 * Runs in memory, for tests: the bytes of what is committed, as a disk would keep them. Checks what is put. Has the
 * faults of a disk: it refuses, and a crash loses whatever was not committed.
 */
export class MemoryRunStore implements RunStore {
  readonly #shards = new Map<number, ShardRuns>();
  /** Why flushes and commits are refused now; null takes them. */
  refusal: WeirError | null = null;
  putBytes = 0;
  puts = 0;
  #life = 0;
  #foldsHeld = 0;
  readonly #merge: (table: string) => MergeValues;

  constructor(merge: (table: string) => MergeValues = mergeFor) {
    this.#merge = merge;
  }

  #shard(shard: number): ShardRuns {
    let state = this.#shards.get(shard);
    if (state === undefined) {
      state = emptyShard();
      this.#shards.set(shard, state);
    }
    return state;
  }

  position(shard: number): number {
    return this.#shard(shard).position;
  }

  checkpoint(shard: number, position: number): Checkpoint {
    const run: Tables = new Map();
    return this.#writer(shard, run, 'checkpoint', (state) => {
      state.runs = [...state.runs, run];
      state.position = position;
    });
  }

  /**
   * At the commit the runs that the view reads of a period named by `replaces` go, and what was put takes their place, all
   * at once. What came after the view stays on top, and the position where it is.
   */
  replacement(shard: number, view: RunView): MemoryReplacement {
    if (this.#foldsHeld === 0) throw new Error('folds are held while periods are written anew');
    if (!(view instanceof MemoryView)) throw new Error('a view of another store');
    const run: Tables = new Map();
    const replaced = new Set<Entries>();
    const writer = this.#writer(shard, run, 'replacement', (state) => {
      state.runs = [...state.runs.map((one) => without(one, (entries) => replaced.has(entries))), run];
    });
    return {
      ...writer,
      replaces: (table, period) => {
        for (const entries of view.runs(table, period)) replaced.add(entries);
      },
    };
  }

  #writer(
    shard: number,
    run: Tables,
    kind: keyof ShardRuns['doubtful'],
    land: (state: ShardRuns) => void,
  ): Checkpoint {
    const last = new Map<string, Uint8Array>();
    const life = this.#life;
    const began = this.#shard(shard);
    let pending = 0;
    return {
      put: (table, period, key, value) => {
        const place = `${table} ${period}`;
        const before = last.get(place);
        if (before !== undefined && compareBytes(before, key) >= 0)
          throw new Error(`keys of ${place} do not ascend`);
        last.set(place, key);
        insert(run, table, period, key, value.slice());
        pending += key.length + value.length;
        this.putBytes += key.length + value.length;
        this.puts++;
      },
      pendingBytes: () => pending,
      flush: async () => {
        if (this.refusal !== null) throw this.refusal;
        pending = 0;
      },
      commit: async () => {
        if (life !== this.#life) throw new Error('a checkpoint of a life that is over was committed');
        const state = this.#shard(shard);
        if (state !== began)
          throw new WeirError('WEIR_STORE_UNAVAILABLE', `shard ${shard} was emptied meanwhile`);
        if (this.refusal !== null) {
          state.doubtful[kind] = () => land(state);
          throw this.refusal;
        }
        state.doubtful = noDoubt();
        land(state);
      },
      abandon: async () => {
        pending = 0;
      },
    };
  }

  /**
   * The power goes: what was not committed is lost, and the disk is sound afterwards. A commit that was refused, and not
   * followed by another, is there all the same when `doubtfulLands`: a failed sync does not say what it left behind.
   */
  crash(doubtfulLands = false): void {
    this.#life++;
    this.refusal = null;
    for (const state of this.#shards.values()) {
      const { replacement, checkpoint } = state.doubtful;
      if (doubtfulLands) for (const land of [replacement, checkpoint]) land?.();
      state.doubtful = noDoubt();
    }
    this.#foldsHeld = 0;
  }

  /** Forgets the table's periods before the given one. */
  dropBefore(shard: number, table: string, period: number): void {
    const state = this.#shard(shard);
    // Views hold the runs that they began with.
    const isGone = (_: Entries, name: string, one: number) => name === table && one < period;
    state.runs = state.runs.map((run) => (run.has(table) ? without(run, isGone) : run));
  }

  /** Forgets everything of a shard, as before a rebuild from the log. */
  reset(shard: number): void {
    this.#shards.set(shard, emptyShard());
  }

  view(shard: number): StoredView {
    return new MemoryView(this.#shard(shard).runs);
  }

  /** No two runs become one from here on until it is released. */
  holdFolds(): () => void {
    const life = this.#life;
    let held = true;
    this.#foldsHeld++;
    return () => {
      if (held && life === this.#life) this.#foldsHeld--;
      held = false;
    };
  }

  /** Merges all runs of a shard into one, as a store does in the background. */
  fold(shard: number): void {
    const state = this.#shard(shard);
    const { checkpoint, replacement } = state.doubtful;
    // As on disk, nothing is folded before it is known what a refused commit left behind.
    if (this.#foldsHeld > 0 || checkpoint !== null || replacement !== null) return;
    const folded: Tables = new Map();
    for (const run of state.runs)
      for (const [table, periods] of run)
        for (const [period, entries] of periods)
          for (const { key, values } of entries.values())
            for (const value of values) insert(folded, table, period, key, value);
    for (const [table, periods] of folded)
      for (const entries of periods.values())
        for (const entry of entries.values()) entry.values = [this.#merge(table)(entry.values)];
    state.runs = [folded];
  }
}

const noDoubt = (): ShardRuns['doubtful'] => ({ checkpoint: null, replacement: null });
const emptyShard = (): ShardRuns => ({ position: 0, runs: [], doubtful: noDoubt() });

/** The run without some of its periods; views hold the runs that they began with. */
function without(run: Tables, gone: (entries: Entries, table: string, period: number) => boolean): Tables {
  const kept: Tables = new Map(run);
  for (const [table, periods] of run) {
    const some = [...periods].filter(([period, entries]) => !gone(entries, table, period));
    if (some.length === 0) kept.delete(table);
    else if (some.length < periods.size) kept.set(table, new Map(some));
  }
  return kept;
}

function insert(tables: Tables, table: string, period: number, key: Uint8Array, value: Uint8Array): void {
  const periods = tables.get(table) ?? new Map<number, Map<string, Entry>>();
  tables.set(table, periods);
  const entries = periods.get(period) ?? new Map<string, Entry>();
  periods.set(period, entries);
  const name = Buffer.from(key).toString('latin1');
  const entry = entries.get(name);
  if (entry === undefined) entries.set(name, { key: key.slice(), values: [value] });
  else entry.values.push(value);
}

class MemoryView implements StoredView {
  readonly #runs: Tables[];
  constructor(runs: Tables[]) {
    this.#runs = runs;
  }

  /** What it reads of one period. */
  runs(table: string, period: number): Entries[] {
    return this.#runs.flatMap((run) => run.get(table)?.get(period) ?? []);
  }

  get(table: string, period: number, key: Uint8Array): Uint8Array[] {
    const name = Buffer.from(key).toString('latin1');
    return this.#runs.flatMap((run) => run.get(table)?.get(period)?.get(name)?.values ?? []);
  }

  scan(table: string, period: number): Iterable<Entry> {
    const merged: Tables = new Map();
    for (const run of this.#runs)
      for (const { key, values } of run.get(table)?.get(period)?.values() ?? [])
        for (const value of values) insert(merged, table, period, key, value);
    return [...(merged.get(table)?.get(period)?.values() ?? [])].sort((a, b) => compareBytes(a.key, b.key));
  }

  entries(table: string, period: number): EntryCursor {
    return scannedEntries(this.scan(table, period));
  }

  periods(table: string, from: number, to: number): number[] {
    const found = new Set(this.#runs.flatMap((run) => [...(run.get(table)?.keys() ?? [])]));
    return [...found].filter((period) => period >= from && period <= to).sort((a, b) => a - b);
  }

  close(): void {}
}
