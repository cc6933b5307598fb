import { differencesIn, type GroupDifference, type TierDifference } from '../contract/api/replays.ts';
import { tierBoundaries } from '../contract/measures/boundaries.ts';
import { type Buckets, newBuckets } from '../contract/measures/buckets.ts';
import { ChunkMerger, encodeChunk } from '../contract/measures/chunk.ts';
import { compareBytes, decodeGroup, entryName } from '../contract/measures/entry-key.ts';
import type { AccumulatorKind } from '../contract/measures/kinds.ts';
import { type Layout, layoutOf } from '../contract/measures/layout.ts';
import type { Boundaries } from '../contract/measures/merge.ts';
import { chunkSpanMs, periodOf, TABLES } from '../contract/measures/tables.ts';
import type { RollupSpec, Site, StreamSpec, TierSpec } from '../contract/site/model.ts';
import { type BucketSpan, compareBuckets, corrected, type Figure, figuresOf } from './compare-buckets.ts';
import { LargestDifferences } from './largest-differences.ts';
import type { RunView } from './run-store.ts';

/** Entries between two yields: some 2 ms where the bytes are equal. */
const ENTRIES_A_SLICE = 500;

/** What is compared, and what becomes of it. */
export interface Comparison {
  site: Site;
  rollups: string[];
  from: number | null;
  to: number | null;
  /** By stream: before it, what counters put into groups of several keys cannot be made anew. */
  knownFrom: Record<string, number>;
  /** By stream; buckets that are past what a tier keeps are no matter. */
  watermark(stream: string): number;
  nowMs: number;
  stored: RunView;
  anew: RunView;
  /** Null only looks. */
  write: TableWriter | null;
}

/** Whole periods are written anew. */
export interface TableWriter {
  replaces(table: string, period: number): void;
  put(table: string, period: number, key: Uint8Array, value: Uint8Array): void;
}

/** What is made of a reading together with the one before it. */
const CHAINED_KINDS: AccumulatorKind[] = ['register', 'share', 'quality', 'area', 'stood'];

export interface Tier {
  table: string;
  by: string[];
  span: BucketSpan;
  layout: Layout;
  figures: Figure[];
  spanMs: number;
  difference: TierDifference;
  largest: LargestDifferences;
}

/**
 * Holds the stored tables of a shard against those that a replay made, and writes what differs. Streams over both in
 * the order of their keys; what it keeps is a few groups a tier.
 */
export function* compareTables(comparison: Comparison): Generator<void, TierDifference[], undefined> {
  const differences: TierDifference[] = [];
  for (const rollup of comparison.site.rollups) {
    if (!comparison.rollups.includes(rollup.name)) continue;
    const stream = comparison.site.streams.find((one) => one.name === rollup.stream)!;
    for (let g = 0; g < rollup.groupBys.length; g++)
      for (const tier of rollup.tiers)
        differences.push(yield* compareTier(comparison, tierOf(comparison, rollup, stream, g, tier)));
  }
  return differences;
}

export function tierOf(
  comparison: Omit<Comparison, 'stored' | 'anew' | 'write'>,
  rollup: RollupSpec,
  stream: StreamSpec,
  groupBy: number,
  tier: TierSpec,
): Tier {
  const by = rollup.groupBys[groupBy];
  const layout = layoutOf(rollup, groupBy, stream);
  const known = layout.kinds.some((kind) => CHAINED_KINDS.includes(kind))
    ? (comparison.knownFrom[stream.name] ?? null)
    : null;
  const boundaries = tierBoundaries(comparison.site.timezone, tier.widthMs);
  const from = firstWhole(boundaries, latest(comparison.from, known));
  const to = comparison.to ?? Number.POSITIVE_INFINITY;
  // Retention drops a period two widths after its last bucket at the latest, by wall time.
  const keptAfter =
    Math.max(comparison.watermark(stream.name), comparison.nowMs - 2 * tier.widthMs) - tier.keepMs;
  const includes = (start: number) => {
    if (start < from || start >= to) return false;
    const end = boundaries.end(start);
    return end <= to && end > keptAfter;
  };
  return {
    table: TABLES.buckets(rollup.name, by, tier.name),
    by,
    span: { includes },
    layout,
    figures: figuresOf(layout),
    spanMs: chunkSpanMs(tier.widthMs),
    difference: {
      rollup: rollup.name,
      by,
      tier: tier.name,
      from: Number.isFinite(from) ? from : null,
      to: comparison.to,
      equal: 0,
      changed: 0,
      added: 0,
      removed: 0,
      largest: [],
    },
    largest: new LargestDifferences(),
  };
}

function latest(one: number | null, other: number | null): number | null {
  if (one === null) return other;
  return other === null ? one : Math.max(one, other);
}

/** Only buckets that raw covers in full are compared. */
function firstWhole(boundaries: Boundaries, from: number | null): number {
  if (from === null) return Number.NEGATIVE_INFINITY;
  const start = boundaries.start(from);
  return start === from ? start : boundaries.end(start);
}

function* compareTier(comparison: Comparison, tier: Tier): Generator<void, TierDifference, undefined> {
  const { stored, anew, write } = comparison;
  const { from, to } = tier.difference;
  const first = from === null ? Number.NEGATIVE_INFINITY : periodOf(from, tier.spanMs);
  const last = to === null ? Number.MAX_SAFE_INTEGER : periodOf(to, tier.spanMs);
  const periods = new Set([
    ...stored.periods(tier.table, first, last),
    ...anew.periods(tier.table, first, last),
  ]);
  for (const period of [...periods].sort((a, b) => a - b)) {
    const before = differencesIn(tier.difference);
    yield* comparePeriod(tier, stored, anew, period);
    if (write !== null && differencesIn(tier.difference) > before)
      yield* writePeriod(tier, stored, anew, period, write);
  }
  tier.difference.largest = tier.largest.top();
  return tier.difference;
}

function* comparePeriod(
  tier: Tier,
  stored: RunView,
  anew: RunView,
  period: number,
): Generator<void, void, undefined> {
  let entries = 0;
  for (const { key, a, b } of together(stored.scan(tier.table, period), anew.scan(tier.table, period))) {
    if (++entries % ENTRIES_A_SLICE === 0) yield;
    const [one, other] = merged(a, b);
    const found = compareBuckets(one, other, tier.span);
    tier.difference.equal += found.equal;
    for (const change of found.changes) {
      if (change.stored < 0) tier.difference.added++;
      else if (change.anew < 0) tier.difference.removed++;
      else tier.difference.changed++;
    }
    if (found.changes.length > 0) noteLargest(tier, key, one, other, found.changes);
  }
}

function noteLargest(
  tier: Tier,
  key: Uint8Array,
  stored: Buckets,
  anew: Buckets,
  changes: { stored: number; anew: number }[],
): void {
  const group = decodeGroup(entryName(key));
  const by = Object.fromEntries(tier.by.map((field, at) => [field, group[at] ?? null]));
  let most: GroupDifference = { by, buckets: changes.length, measure: '', difference: null };
  for (const figure of tier.figures) {
    let sum = 0;
    for (const change of changes) {
      const is = change.stored < 0 ? 0 : (figure.of(stored, change.stored) ?? 0);
      const must = change.anew < 0 ? 0 : (figure.of(anew, change.anew) ?? 0);
      sum += must - is;
    }
    if (sum !== 0 && Math.abs(sum) >= Math.abs(most.difference ?? 0))
      most = { by, buckets: changes.length, measure: figure.name, difference: sum };
  }
  tier.largest.add(most);
}

/** Every entry of the period goes into the new run, since the runs that it stands in go. */
function* writePeriod(
  tier: Tier,
  stored: RunView,
  anew: RunView,
  period: number,
  write: TableWriter,
): Generator<void, void, undefined> {
  write.replaces(tier.table, period);
  let entries = 0;
  for (const { key, a, b } of together(stored.scan(tier.table, period), anew.scan(tier.table, period))) {
    if (++entries % ENTRIES_A_SLICE === 0) yield;
    const [one, other] = merged(a, b);
    const right = corrected(one, other, compareBuckets(one, other, tier.span));
    if (right.n > 0) write.put(tier.table, period, key, encodeChunk(right));
  }
}

const mergers = { stored: new ChunkMerger(), anew: new ChunkMerger() };

/** What both sides have of a group; good until the next ones are asked for. */
function merged(a: Uint8Array[] | null, b: Uint8Array[] | null): [Buckets, Buckets] {
  const stored = a === null ? null : mergers.stored.merged(a);
  const anew = b === null ? null : mergers.anew.merged(b);
  return [stored ?? newBuckets(anew?.kinds ?? [], 0), anew ?? newBuckets(stored?.kinds ?? [], 0)];
}

type Entries = Iterable<{ key: Uint8Array; values: Uint8Array[] }>;

/** Two scans side by side, in the order of their keys. */
export function* together(
  one: Entries,
  other: Entries,
): Generator<{ key: Uint8Array; a: Uint8Array[] | null; b: Uint8Array[] | null }> {
  const left = one[Symbol.iterator]();
  const right = other[Symbol.iterator]();
  let a = left.next();
  let b = right.next();
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : compareBytes(a.value.key, b.value.key);
    if (order < 0) {
      yield { key: a.value!.key, a: a.value!.values, b: null };
      a = left.next();
    } else if (order > 0) {
      yield { key: b.value!.key, a: null, b: b.value!.values };
      b = right.next();
    } else {
      yield { key: a.value!.key, a: a.value!.values, b: b.value!.values };
      a = left.next();
      b = right.next();
    }
  }
}
