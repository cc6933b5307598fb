import { compareBytes } from '../../contract/measures/entry-key.ts';
import { mergeFor } from '../../contract/measures/merge-for.ts';
import type { Checkpoint, RunStore, RunView } from '../run-store.ts';

type Entry = { key: Uint8Array; values: Uint8Array[] };
type Tables = Map<string, Map<number, Map<string, Entry>>>;

/** Runs in memory, for tests: the bytes of what is committed, as a disk would keep them. Checks what is put. */
export class MemoryRunStore implements RunStore {
  readonly #shards = new Map<number, { position: number; runs: Tables[] }>();
  putBytes = 0;
  puts = 0;

  #shard(shard: number) {
    let state = this.#shards.get(shard);
    if (state === undefined) {
      state = { position: 0, runs: [] };
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
        pending = 0;
      },
      commit: async () => {
        const state = this.#shard(shard);
        state.runs = [...state.runs, run];
        state.position = position;
      },
      abandon: async () => {
        pending = 0;
      },
    };
  }

  view(shard: number): RunView {
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

class MemoryView implements RunView {
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

  periods(table: string, from: number, to: number): number[] {
    const found = new Set(this.#runs.flatMap((run) => [...(run.get(table)?.keys() ?? [])]));
    return [...found].filter((period) => period >= from && period <= to).sort((a, b) => a - b);
  }

  close(): void {}
}
