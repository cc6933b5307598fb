import type { WeirError } from '../../contract/errors.ts';
import { compareBytes } from '../../contract/measures/entry-key.ts';
import { mergeFor } from '../../contract/measures/merge-for.ts';
import type { Checkpoint, EntryCursor, RunStore, StoredView } from '../run-store.ts';
import { scannedEntries } from './scanned-entries.ts';

type Entry = { key: Uint8Array; values: Uint8Array[] };
type Tables = Map<string, Map<number, Map<string, Entry>>>;

interface ShardRuns {
  position: number;
  runs: Tables[];
  /** A commit that a bad disk refused: until the next one succeeds a crash may bring it back. */
  doubtful: { position: number; run: Tables } | null;
}

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

  #shard(shard: number): ShardRuns {
    let state = this.#shards.get(shard);
    if (state === undefined) {
      state = { position: 0, runs: [], doubtful: null };
      this.#shards.set(shard, state);
    }
    return state;
  }

  position(shard: number): number {
    return this.#shard(shard).position;
  }

  checkpoint(shard: number, position: number): Checkpoint {
    const run: Tables = new Map();
    const last = new Map<string, Uint8Array>();
    const life = this.#life;
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
        if (this.refusal !== null) {
          state.doubtful = { position, run };
          throw this.refusal;
        }
        state.doubtful = null;
        state.runs = [...state.runs, run];
        state.position = position;
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
      if (doubtfulLands && state.doubtful !== null) {
        state.runs = [...state.runs, state.doubtful.run];
        state.position = state.doubtful.position;
      }
      state.doubtful = null;
    }
  }

  /** Forgets the table's periods before the given one. */
  dropBefore(shard: number, table: string, period: number): void {
    const state = this.#shard(shard);
    // Views hold the runs that they began with.
    state.runs = state.runs.map((run) => {
      const periods = run.get(table);
      if (periods === undefined || ![...periods.keys()].some((one) => one < period)) return run;
      const kept = new Map([...periods].filter(([one]) => one >= period));
      return new Map(run).set(table, kept);
    });
  }

  /** Forgets everything of a shard, as before a rebuild from the log. */
  reset(shard: number): void {
    this.#shards.set(shard, { position: 0, runs: [], doubtful: null });
  }

  view(shard: number): StoredView {
    return new MemoryView(this.#shard(shard).runs);
  }

  /** Merges all runs of a shard into one, as a store does in the background. */
  fold(shard: number): void {
    const state = this.#shard(shard);
    const folded: Tables = new Map();
    for (const run of state.runs)
      for (const [table, periods] of run)
        for (const [period, entries] of periods)
          for (const { key, values } of entries.values())
            for (const value of values) insert(folded, table, period, key, value);
    for (const [table, periods] of folded)
      for (const entries of periods.values())
        for (const entry of entries.values()) entry.values = [mergeFor(table)(entry.values)];
    state.runs = [folded];
  }
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
