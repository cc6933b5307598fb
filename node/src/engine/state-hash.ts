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
import { LEDGER_KEEP_MS, ONLY_PERIOD, TABLES } from '../contract/measures/tables.ts';
import { type FrozenState, putEverything } from './checkpoint-work.ts';
import { latin } from './dimensions.ts';
import { hourEnd } from './ledger.ts';
import type { Checkpoint, RunView } from './run-store.ts';

const EVER = Number.MAX_SAFE_INTEGER;
/** One slice: some 2 ms of work. */
const BYTES_A_SLICE = 128 * 1024;

/**
 * Hash over everything that a shard knows: the store and memory merged as if a checkpoint of all were written now, and
 * what is kept no longer left out. Every value is whole numbers in bytes of one fixed order, so that it is the same on
 * every processor. Reads the whole state, entry by entry, and yields between slices; memory holds what the last
 * checkpoint does not include, and no more.
 */
export function* stateHash(state: FrozenState, view: RunView): Generator<void, string, undefined> {
  const hash = new ByteHash();
  const memory = collect(state);
  for (const { table, periods, keep } of tablesOf(state)) {
    const merge = mergeFor(table);
    const fresh = memory.get(table);
    const all = new Set([...view.periods(table, -EVER, EVER), ...(fresh?.keys() ?? [])]);
    for (const period of [...all].filter((one) => periods || one === ONLY_PERIOD).sort((a, b) => a - b))
      for (const [key, values] of entriesOf(view, table, period, fresh?.get(period))) {
        const value = keep(values.length === 1 ? values[0] : merge(values), key);
        if (value === null) continue;
        hash.text(`${table} ${period} ${key.length} ${value.length} `);
        hash.bytes(key);
        hash.bytes(value);
        if (hash.fed < BYTES_A_SLICE) continue;
        hash.fed = 0;
        yield;
      }
  }
  return hash.digest();
}

/** Entries of store and memory in the order of their keys, each with its values, the one of memory last. */
function* entriesOf(
  view: RunView,
  table: string,
  period: number,
  fresh: Map<string, Uint8Array> | undefined,
): Generator<[key: Uint8Array, values: Uint8Array[]]> {
  const names = [...(fresh?.keys() ?? [])].sort();
  let next = 0;
  const bytesOf = (name: string) => Uint8Array.from(name, (character) => character.charCodeAt(0));
  for (const { key, values } of view.scan(table, period)) {
    const name = names.length === 0 ? '' : latin(key);
    for (; next < names.length && names[next] < name; next++)
      yield [bytesOf(names[next]), [fresh!.get(names[next])!]];
    const own = next < names.length && names[next] === name ? fresh!.get(names[next++]) : undefined;
    yield [key, own === undefined ? values : [...values, own]];
  }
  for (; next < names.length; next++) yield [bytesOf(names[next]), [fresh!.get(names[next])!]];
}

interface Table {
  table: string;
  periods: boolean;
  /** What of a merged value counts; null when nothing does. */
  keep: (value: Uint8Array, key: Uint8Array) => Uint8Array | null;
}

function tablesOf(state: FrozenState): Table[] {
  const all = (value: Uint8Array) => value;
  const tables: Table[] = [{ table: TABLES.marks, periods: false, keep: all }];
  const ledgers = new Set(['', ...state.streams.map((one) => one.stream.spec.name)]);
  // An hour that is kept no longer is no part of the state, whether retention has met it yet or not.
  const newest = Math.max(...state.streams.map((one) => one.watermark));
  const keptHours = (value: Uint8Array, key: Uint8Array) =>
    hourEnd(key) > newest - LEDGER_KEEP_MS ? value : null;
  for (const name of ledgers) tables.push({ table: TABLES.ledger(name), periods: true, keep: keptHours });
  for (const { stream, watermark } of state.streams) {
    const name = stream.spec.name;
    tables.push({ table: TABLES.swaps(name), periods: false, keep: all });
    tables.push({ table: TABLES.tuples(name), periods: false, keep: all });
    tables.push({ table: TABLES.keys(name), periods: false, keep: all });
    const horizon = stream.horizonAt(watermark);
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
  kept.doubts = rows.doubts.filter(({ t }) => t >= horizon);
  return kept.n === 0 && kept.doubts.length === 0 ? null : encodeHistory(kept);
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
  if (state.ledgers.length === 0 && state.streams.every((one) => one.generations.length === 0)) return tables;
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
class ByteHash {
  readonly #lanes = new Uint32Array([0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35]);
  /** Bytes since it was last set to 0. */
  fed = 0;

  text(text: string): void {
    for (let at = 0; at < text.length; at++) this.#mix(at & 3, text.charCodeAt(at));
    this.#end(text.length);
  }

  /** HOT */
  bytes(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) this.#mix(at & 3, bytes[at]);
    this.#end(bytes.length);
  }

  digest(): string {
    return [...this.#lanes].map((lane) => lane.toString(16).padStart(8, '0')).join('');
  }

  #mix(lane: number, value: number): void {
    const lanes = this.#lanes;
    lanes[lane] = Math.imul(lanes[lane] ^ value ^ (lanes[(lane + 1) & 3] >>> 11), 0x01000193);
  }

  #end(length: number): void {
    this.#lanes[0] = Math.imul(this.#lanes[0] ^ length, 0x85ebca6b);
    this.fed += length;
  }
}
