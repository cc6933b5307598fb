import { copyBucket, newBuckets } from '../contract/measures/buckets.ts';
import { decodeChunk, encodeChunk, mergeChunks } from '../contract/measures/chunk.ts';
import { decodeGroup } from '../contract/measures/entry-key.ts';
import {
  copyHistoryRow,
  encodeHistory,
  type HistoryRows,
  mergedHistory,
  mergeHistory,
  newHistoryRows,
} from '../contract/measures/history-chunk.ts';
import { encodeKeyState, mergedKeyState, mergeKeyStates } from '../contract/measures/key-state.ts';
import { decodeMark, encodeMark } from '../contract/measures/merge-for.ts';
import {
  type LayoutShift,
  type StreamShift,
  shiftBuckets,
  shiftHistory,
  shiftKeyState,
  TupleNumbers,
} from '../contract/measures/shift.ts';
import { HISTORY_SPAN_MS, ONLY_PERIOD, periodOf, TABLES } from '../contract/measures/tables.ts';
import type { Site } from '../contract/site/model.ts';
import { type TableWriter, type Tier, tierOf, together } from './compare-tables.ts';
import type { RunView } from './run-store.ts';
import { putTuples, shiftedTuples } from './seed-shadow.ts';

/** Entries between two yields: what one puts is handed to the disk between them. */
const ENTRIES_A_SLICE = 200;

/** What becomes of the tables of one shard, so that they are those of another site file. */
export interface Reshaping {
  /** The site file that they are to fit. */
  site: Site;
  /** Group-bys whose buckets are made of other parts, those that are new in their rollups too (then without a shift). */
  groups: { rollup: string; groupBy: number; shift: LayoutShift | null }[];
  /** Tables of such group-bys that are counted no more, and are kept. */
  left: { table: string; shift: LayoutShift }[];
  streams: { stream: string; shift: StreamShift }[];
  /** Event time from which the shadow has everything; null: it has all there ever was. */
  from: number | null;
  knownFrom: Record<string, number>;
  /** Told apart by their numbers: a shard that has this one's is done. */
  id: number;
}

const EVER = Number.MAX_SAFE_INTEGER;

/** A mark of the shard itself, which moves with the tables. Streams have names, so theirs are others. */
const DONE_KEY = Uint8Array.of(0, 0, 0, 0, 0, 0);

export function isReshaped(stored: RunView, id: number): boolean {
  return stored.get(TABLES.reshaped, ONLY_PERIOD, DONE_KEY).some((value) => decodeMark(value) >= id);
}

/**
 * Writes the tables of a shard as another site file has them. From `from` on they are the shadow's, which was filled
 * from raw under that site file up to the same record; before it they are what was stored, with what it did not count left
 * empty and what is not asked for any more left out. Holds a few entries at a time.
 */
export function* reshapeShard(
  reshaping: Reshaping,
  stored: RunView,
  anew: RunView,
  write: TableWriter,
): Generator<void, void, undefined> {
  for (const group of reshaping.groups) yield* reshapeGroup(reshaping, group, stored, anew, write);
  for (const { table, shift } of reshaping.left) {
    const view = shiftedView(stored, shift);
    for (const period of stored.periods(table, -EVER, EVER)) {
      write.replaces(table, period);
      for (const { key, values } of paced(view.scan(table, period))) {
        if (values === null) yield;
        else write.put(table, period, key, values[0]);
      }
    }
  }
  for (const { stream, shift } of reshaping.streams)
    yield* reshapeStream(stream, shift, reshaping.from, stored, anew, write);
  write.put(TABLES.reshaped, ONLY_PERIOD, DONE_KEY, encodeMark(reshaping.id));
}

function* reshapeGroup(
  { site, from, knownFrom }: Reshaping,
  { rollup: name, groupBy, shift }: Reshaping['groups'][number],
  stored: RunView,
  anew: RunView,
  write: TableWriter,
): Generator<void, void, undefined> {
  const rollup = site.rollups.find((one) => one.name === name)!;
  const stream = site.streams.find((one) => one.name === rollup.stream)!;
  const old = shift === null ? stored : shiftedView(stored, shift);
  // Both sides drop what a tier does not keep by themselves, so nothing is left out here.
  const never = Number.NEGATIVE_INFINITY;
  const comparison = {
    site,
    rollups: [name],
    from,
    to: null,
    knownFrom,
    watermark: () => never,
    nowMs: never,
  };
  for (const one of rollup.tiers) {
    const tier = tierOf(comparison, rollup, stream, groupBy, one);
    const periods = new Set([
      ...old.periods(tier.table, -EVER, EVER),
      ...anew.periods(tier.table, -EVER, EVER),
    ]);
    for (const period of [...periods].sort((a, b) => a - b)) {
      write.replaces(tier.table, period);
      yield* reshapePeriod(tier, old, anew, period, write);
    }
  }
}

/** A period that raw covers in full is the shadow's as it is; in the one where raw begins buckets are of either. */
function* reshapePeriod(
  tier: Tier,
  old: RunView,
  anew: RunView,
  period: number,
  write: TableWriter,
): Generator<void, void, undefined> {
  const { table, span, spanMs, difference } = tier;
  if ((difference.from ?? Number.NEGATIVE_INFINITY) <= period * spanMs) {
    for (const { key, values } of paced(anew.scan(table, period))) {
      if (values === null) yield;
      else write.put(table, period, key, mergeChunks(values));
    }
    return;
  }
  let seen = 0;
  for (const { key, a, b } of together(old.scan(table, period), anew.scan(table, period))) {
    if (++seen % ENTRIES_A_SLICE === 0) yield;
    const before = a === null ? null : decodeChunk(mergeChunks(a));
    const after = b === null ? null : decodeChunk(mergeChunks(b));
    const both = newBuckets((after ?? before!).kinds, (before?.n ?? 0) + (after?.n ?? 0));
    for (const [from, ours] of [
      [before, (start: number) => !span.includes(start)],
      [after, (start: number) => span.includes(start)],
    ] as const)
      for (let at = 0; from !== null && at < from.n; at++)
        if (ours(from.starts[at])) copyBucket(both, both.n++, from, at);
    if (both.n > 0) write.put(table, period, key, encodeChunk(both));
  }
}

/** What is stored, with its buckets in the new layout. */
function shiftedView(stored: RunView, shift: LayoutShift): RunView {
  const shifted = (values: Uint8Array[]) =>
    values.length === 0 ? [] : [encodeChunk(shiftBuckets(decodeChunk(mergeChunks(values)), shift))];
  return {
    get: (table, period, key) => shifted(stored.get(table, period, key)),
    *scan(table, period) {
      for (const { key, values } of stored.scan(table, period)) yield { key, values: shifted(values) };
    },
    periods: (table, from, to) => stored.periods(table, from, to),
    close: () => undefined,
  };
}

/** The entries, with a pause every now and then. */
function* paced(
  entries: Iterable<{ key: Uint8Array; values: Uint8Array[] }>,
): Generator<{ key: Uint8Array; values: Uint8Array[] } | { key: null; values: null }> {
  let seen = 0;
  for (const entry of entries) {
    if (++seen % ENTRIES_A_SLICE === 0) yield { key: null, values: null };
    yield entry;
  }
}

function* reshapeStream(
  stream: string,
  shift: StreamShift,
  from: number | null,
  stored: RunView,
  anew: RunView,
  write: TableWriter,
): Generator<void, void, undefined> {
  const numbers = new TupleNumbers();
  for (const { values } of anew.scan(TABLES.tuples(stream), ONLY_PERIOD)) numbers.of(decodeGroup(values[0]));
  const tuples = shiftedTuples(stream, stored, shift, numbers);
  write.replaces(TABLES.tuples(stream), ONLY_PERIOD);
  putTuples(TABLES.tuples(stream), numbers, write);
  yield* reshapeKeys(TABLES.keys(stream), shift, stored, anew, write);
  const table = TABLES.history(stream);
  const periods = new Set([...stored.periods(table, -EVER, EVER), ...anew.periods(table, -EVER, EVER)]);
  for (const period of [...periods].sort((a, b) => a - b)) {
    const whole = from === null || periodOf(from - 1, HISTORY_SPAN_MS) < period;
    write.replaces(table, period);
    let seen = 0;
    for (const { key, a, b } of together(stored.scan(table, period), anew.scan(table, period))) {
      if (++seen % ENTRIES_A_SLICE === 0) yield;
      const rows: HistoryRows[] = [];
      if (whole) {
        if (b !== null) write.put(table, period, key, mergeHistory(b));
        continue;
      }
      if (a !== null) rows.push(within(shiftHistory(mergedHistory(a), shift, tuples), (t) => t < from));
      if (b !== null) rows.push(within(mergedHistory(b), (t) => t >= from));
      const values = rows.filter(({ n, doubts }) => n + doubts.length > 0).map((one) => encodeHistory(one));
      if (values.length > 0) write.put(table, period, key, mergeHistory(values));
    }
  }
}

function within(rows: HistoryRows, includes: (t: number) => boolean): HistoryRows {
  const kept = newHistoryRows(rows.counters, rows.n);
  for (let row = 0; row < rows.n; row++) if (includes(rows.times[row])) copyHistoryRow(kept, rows, row);
  kept.doubts = rows.doubts.filter(({ t }) => includes(t));
  return kept;
}

/** A key that was silent for as long as raw is kept is not in the shadow, and its register goes on all the same. */
function* reshapeKeys(
  table: string,
  shift: StreamShift,
  stored: RunView,
  anew: RunView,
  write: TableWriter,
): Generator<void, void, undefined> {
  write.replaces(table, ONLY_PERIOD);
  let seen = 0;
  for (const { key, a, b } of together(stored.scan(table, ONLY_PERIOD), anew.scan(table, ONLY_PERIOD))) {
    if (++seen % ENTRIES_A_SLICE === 0) yield;
    const values = b === null ? [] : [mergeKeyStates(b)];
    if (a !== null) values.push(encodeKeyState(shiftKeyState(mergedKeyState(a), shift)));
    write.put(table, ONLY_PERIOD, key, mergeKeyStates(values));
  }
}
