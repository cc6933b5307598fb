import { tierBoundaries } from '../contract/measures/boundaries.ts';
import { copyBucket } from '../contract/measures/buckets.ts';
import { decodeChunk, encodeChunk } from '../contract/measures/chunk.ts';
import {
  copyHistoryRow,
  decodeHistory,
  encodeHistory,
  newHistoryRows,
} from '../contract/measures/history-chunk.ts';
import { mergeAll } from '../contract/measures/merge.ts';
import { mergeFor } from '../contract/measures/merge-for.ts';
import { ONLY_PERIOD, TABLES } from '../contract/measures/tables.ts';
import { type FrozenState, putEverything } from './checkpoint-work.ts';
import { latin } from './dimensions.ts';
import type { Checkpoint, RunView } from './run-store.ts';

const EVER = Number.MAX_SAFE_INTEGER;

/**
 * Hash over everything that a shard knows: the store and memory merged as if a checkpoint of all were written now, and
 * what is kept no longer left out. Reads the whole state; for comparing replicas and for tests.
 */
export function stateHash(state: FrozenState, view: RunView): string {
  const hash = new TextHash();
  const memory = collect(state);
  for (const { table, periods, keep } of tablesOf(state)) {
    const all = new Set([...view.periods(table, -EVER, EVER), ...(memory.get(table)?.keys() ?? [])]);
    for (const period of [...all].filter((one) => periods || one === ONLY_PERIOD).sort((a, b) => a - b)) {
      const entries = new Map<string, Uint8Array[]>();
      for (const { key, values } of view.scan(table, period)) entries.set(latin(key), [...values]);
      for (const [key, value] of memory.get(table)?.get(period) ?? [])
        entries.set(key, [...(entries.get(key) ?? []), value]);
      for (const key of [...entries.keys()].sort()) {
        const value = keep(mergeFor(table)(entries.get(key)!));
        if (value !== null) hash.add(`${table} ${period} ${key} ${latin(value)}`);
      }
    }
  }
  return hash.digest();
}

interface Table {
  table: string;
  periods: boolean;
  /** What of a merged value counts; null when nothing does. */
  keep: (value: Uint8Array) => Uint8Array | null;
}

function tablesOf(state: FrozenState): Table[] {
  const all = (value: Uint8Array) => value;
  const tables: Table[] = [{ table: TABLES.marks, periods: false, keep: all }];
  const ledgers = new Set(['', ...state.streams.map((one) => one.stream.spec.name)]);
  for (const name of ledgers) tables.push({ table: TABLES.ledger(name), periods: true, keep: all });
  for (const { stream, watermark } of state.streams) {
    const name = stream.spec.name;
    tables.push({ table: TABLES.tuples(name), periods: false, keep: all });
    tables.push({ table: TABLES.keys(name), periods: false, keep: all });
    const horizon = stream.horizon;
    tables.push({ table: TABLES.history(name), periods: true, keep: (value) => keptHistory(value, horizon) });
    for (const { spec } of stream.rollups)
      for (const by of spec.groupBys)
        for (const tier of spec.tiers) {
          const boundaries = tierBoundaries(state.timezone, tier.widthMs);
          const keptAfter = watermark - tier.keepMs;
          const keep = (value: Uint8Array) =>
            keptBuckets(value, (start) => boundaries.end(start) > keptAfter);
          tables.push({ table: TABLES.buckets(spec.name, by, tier.name), periods: true, keep });
        }
  }
  return tables;
}

function keptHistory(value: Uint8Array, horizon: number): Uint8Array | null {
  const rows = decodeHistory(value);
  const kept = newHistoryRows(rows.counters, rows.n);
  for (let row = 0; row < rows.n; row++) if (rows.times[row] >= horizon) copyHistoryRow(kept, rows, row);
  return kept.n === 0 ? null : encodeHistory(kept);
}

function keptBuckets(value: Uint8Array, keeps: (start: number) => boolean): Uint8Array | null {
  const buckets = mergeAll([decodeChunk(value)]);
  let n = 0;
  for (let at = 0; at < buckets.n; at++) if (keeps(buckets.starts[at])) copyBucket(buckets, n++, buckets, at);
  buckets.n = n;
  return n === 0 ? null : encodeChunk(buckets);
}

/** What a checkpoint of everything in memory would put: table → period → key → value. */
function collect(state: FrozenState): Map<string, Map<number, Map<string, Uint8Array>>> {
  const tables = new Map<string, Map<number, Map<string, Uint8Array>>>();
  const into: Checkpoint = {
    put: (table, period, key, value) => {
      const periods = tables.get(table) ?? new Map<number, Map<string, Uint8Array>>();
      tables.set(table, periods);
      const entries = periods.get(period) ?? new Map<string, Uint8Array>();
      periods.set(period, entries);
      entries.set(latin(key), value);
    },
    pendingBytes: () => 0,
    flush: async () => undefined,
    commit: async () => undefined,
    abandon: async () => undefined,
  };
  for (const _ of putEverything(state, into));
  return tables;
}

/** 128 bits that no accident makes equal; it is no defence against malice. */
class TextHash {
  readonly #lanes = new Uint32Array([0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35]);

  add(text: string): void {
    const lanes = this.#lanes;
    for (let at = 0; at < text.length; at++) {
      const lane = at & 3;
      lanes[lane] = Math.imul(lanes[lane] ^ text.charCodeAt(at) ^ (lanes[(lane + 1) & 3] >>> 11), 0x01000193);
    }
    lanes[0] = Math.imul(lanes[0] ^ text.length, 0x85ebca6b);
  }

  digest(): string {
    return [...this.#lanes].map((lane) => lane.toString(16).padStart(8, '0')).join('');
  }
}
