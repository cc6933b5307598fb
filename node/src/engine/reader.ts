import type { DimensionFilter, ShardParts, ShardReadQuestion } from '../contract/ask/shard-questions.ts';
import { tierBoundaries } from '../contract/measures/boundaries.ts';
import { type Buckets, newBuckets } from '../contract/measures/buckets.ts';
import { decodeChunk, encodeChunk, startsOf } from '../contract/measures/chunk.ts';
import {
  compareBytes,
  decodeGroup,
  encodeGroup,
  entryKey,
  entryKeyHashed,
  entryName,
} from '../contract/measures/entry-key.ts';
import { type Boundaries, coarsenInto } from '../contract/measures/merge.ts';
import { chunkSpanMs, periodOf, TABLES } from '../contract/measures/tables.ts';
import { inStoreOrder } from './group-order.ts';
import { Lenders } from './lenders.ts';
import type { PartialTable } from './partial-table.ts';
import { type Scratch, scratchFor } from './reader-scratch.ts';
import type { RunView } from './run-store.ts';
import type { RollupState, StreamEngine } from './stream-engine.ts';

/** Named groups that are fetched one by one; a filter that names more is a scan. */
const MAX_NAMED = 2_000;
/** Groups that are read between two pauses: some 2 ms of work. */
const GROUPS_A_TURN = 100;

type Question = Pick<ShardReadQuestion, 'groupBy' | 'tier' | 'from' | 'to' | 'where' | 'edges' | 'forgotten'>;

/** One group and the chunks that hold its buckets, in the store and in memory. */
export interface Found {
  name: Uint8Array;
  chunks: Uint8Array[];
}

/**
 * Reads the groups of one group-by at one tier: a view of the store and the generations in memory when it began, so that
 * it sees the same state however long it takes; what comes later to the active generation may show. Chunks of the store
 * are handed on as they are; whoever finishes them merges.
 */
export class Reader {
  readonly #rollup: RollupState;
  readonly #question: Question;
  readonly #view: RunView;
  readonly #tables: PartialTable[];
  readonly #table: string;
  readonly #spanMs: number;
  readonly #boundaries: Boundaries[];
  readonly #from: number;
  /** Buckets that end here or before are kept no longer, and do not show even where they are still there. */
  readonly #keptAfter: number;
  readonly #to: number;
  /** Periods that hold anything, those of the edges included. */
  readonly #periods: number[];
  readonly #inside: number[];
  readonly #scratch: Scratch;
  /** First lanes of the registers, which reach into the buckets beside the range. */
  readonly #registers: number[];

  constructor(
    stream: StreamEngine,
    rollup: RollupState,
    question: Question,
    view: RunView,
    timezone: string,
  ) {
    const tier = rollup.spec.tiers[question.tier];
    const r = stream.rollups.indexOf(rollup);
    this.#rollup = rollup;
    this.#question = question;
    this.#view = view;
    this.#tables = stream.generations.map((one) => one.tables[r][question.groupBy]);
    this.#table = TABLES.buckets(rollup.spec.name, rollup.spec.groupBys[question.groupBy], tier.name);
    this.#spanMs = chunkSpanMs(tier.widthMs);
    this.#boundaries = rollup.spec.tiers
      .slice(0, question.tier + 1)
      .map((one) => tierBoundaries(timezone, one.widthMs));
    const boundaries = this.#boundaries[question.tier];
    const keptAfter = question.forgotten ? Number.NEGATIVE_INFINITY : stream.watermark - tier.keepMs;
    this.#keptAfter = keptAfter;
    let from = boundaries.start(question.from);
    if (boundaries.end(from) <= keptAfter) {
      from = boundaries.start(keptAfter);
      if (boundaries.end(from) <= keptAfter) from = boundaries.end(from);
    }
    this.#from = from;
    this.#to = question.to;
    const gaps = rollup.layouts[question.groupBy].accumulators.map((one) => one.maxGapMs);
    const reach = question.edges ? Math.max(0, ...gaps) + this.#spanMs : 0;
    const keptPeriod = Number.isFinite(keptAfter)
      ? periodOf(keptAfter, this.#spanMs) - 1
      : Number.MIN_SAFE_INTEGER;
    const low = Math.max(periodOf(from - reach, this.#spanMs), keptPeriod);
    this.#periods = view.periods(this.#table, low, periodOf(this.#to - 1 + reach, this.#spanMs));
    const first = periodOf(from, this.#spanMs);
    const last = periodOf(this.#to - 1, this.#spanMs);
    this.#inside = this.#periods.filter((period) => period >= first && period <= last);
    const kinds = rollup.plans[question.groupBy].kinds;
    this.#scratch = scratchFor(kinds);
    this.#registers = rollup.layouts[question.groupBy].accumulators
      .filter(({ kind }) => kind === 'register')
      .map(({ lane }) => lane);
  }

  /** Groups of the question in the order of the store; null is a pause. */
  *groups(): Generator<Found | null, void, undefined> {
    if (this.#from >= this.#to) return;
    const names = this.#named();
    if (names === null) {
      yield* this.#scan();
      return;
    }
    for (const name of names) {
      const found = this.#find(name, this.#stored(entryKey(name)));
      if (found !== null) yield found;
    }
  }

  /** The groups that the filter spells out; null when it leaves any dimension open. */
  #named(): Uint8Array[] | null {
    const fields = this.#rollup.spec.groupBys[this.#question.groupBy];
    let dims: string[][] = [[]];
    for (let dim = 0; dim < fields.length; dim++) {
      const filter = this.#question.where.find((one) => one.dim === dim);
      if (filter === undefined || filter.values.length * dims.length > MAX_NAMED) return null;
      dims = dims.flatMap((some) => [...new Set(filter.values)].map((value) => [...some, value]));
    }
    return dims.map(encodeGroup).sort((a, b) => compareBytes(entryKey(a), entryKey(b)));
  }

  #stored(key: Uint8Array): Uint8Array[] {
    const values: Uint8Array[] = [];
    for (const period of this.#inside) this.#take(period, this.#view.get(this.#table, period, key), values);
    return values;
  }

  /** Values of a period; of the one in which retention falls, what is kept. */
  #take(period: number, values: Uint8Array[], into: Uint8Array[]): void {
    const whole = this.#boundaries[this.#question.tier].end(period * this.#spanMs) > this.#keptAfter;
    for (const value of values) {
      const kept = whole ? value : this.#kept(value);
      if (kept !== null) into.push(kept);
    }
  }

  #kept(value: Uint8Array): Uint8Array | null {
    const buckets = decodeChunk(value);
    const from = this.#firstKept(buckets);
    return from < buckets.n ? encodeChunk(buckets, from) : null;
  }

  #firstKept(buckets: Buckets): number {
    const boundaries = this.#boundaries[this.#question.tier];
    let from = 0;
    while (from < buckets.n && boundaries.end(buckets.starts[from]) <= this.#keptAfter) from++;
    return from;
  }

  /** Merges the sorted entries of all periods with the sorted groups in memory. */
  *#scan(): Generator<Found | null, void, undefined> {
    const scans = this.#inside.map((period) => this.#view.scan(this.#table, period)[Symbol.iterator]());
    const heads = scans.map((scan) => scan.next());
    const memory = new MemoryGroups(this.#rollup, this.#question.groupBy, this.#tables);
    try {
      for (let seen = 1; ; seen++) {
        while (memory.waits) {
          memory.step();
          if (memory.waits) yield null;
        }
        let least = memory.key;
        for (const head of heads)
          if (!head.done && (least === null || compareBytes(head.value.key, least) < 0))
            least = head.value.key;
        if (least === null) return;
        const values: Uint8Array[] = [];
        for (let at = 0; at < heads.length; at++) {
          const head = heads[at];
          if (head.done || compareBytes(head.value.key, least) !== 0) continue;
          this.#take(this.#inside[at], head.value.values, values);
          heads[at] = scans[at].next();
        }
        if (memory.key !== null && compareBytes(memory.key, least) === 0) memory.take();
        const name = entryName(least);
        const found = matches(name, this.#question.where) ? this.#find(name, values) : null;
        if (found !== null) yield found;
        if (seen % GROUPS_A_TURN === 0) yield null;
      }
    } finally {
      for (const scan of scans) scan.return?.();
    }
  }

  /** Adds what is in memory, and the neighbours of the range; null when there is no bucket in the range. */
  #find(name: Uint8Array, chunks: Uint8Array[]): Found | null {
    const group = this.#rollup.groups[this.#question.groupBy].find(name);
    if (group >= 0) for (const table of this.#tables) this.#addMemory(table, group, chunks);
    if (this.#question.edges) this.#addEdges(name, chunks);
    if (chunks.length === 0) return null;
    return { name, chunks };
  }

  #addMemory(table: PartialTable, group: number, chunks: Uint8Array[]): void {
    if (table.heads.get(group) === 0) return;
    const scratch = this.#scratch;
    scratch.fine = table.gather(group, scratch.fine);
    let buckets = scratch.fine;
    for (let tier = 1; tier < this.#boundaries.length; tier++) {
      const into = buckets === scratch.wide ? newBuckets(buckets.kinds, buckets.n) : scratch.wide;
      const wide = into.starts.length >= buckets.n ? into : newBuckets(buckets.kinds, buckets.n * 2);
      if (into === scratch.wide) scratch.wide = wide;
      coarsenInto(wide, buckets, this.#boundaries[tier]);
      buckets = wide;
    }
    let from = 0;
    while (from < buckets.n && buckets.starts[from] < this.#from) from++;
    let to = from;
    while (to < buckets.n && buckets.starts[to] < this.#to) to++;
    if (this.#question.edges) {
      const before = new Lenders(this.#registers);
      const after = new Lenders(this.#registers);
      for (const kept = this.#firstKept(buckets); from > kept && before.missing; )
        before.take(buckets, --from);
      while (to < buckets.n && after.missing) after.take(buckets, to++);
    }
    if (from < to) chunks.push(encodeChunk(buckets, from, to));
  }

  /** The nearest stored buckets on either side that have the registers, where they are not there yet. */
  #addEdges(name: Uint8Array, chunks: Uint8Array[]): void {
    if (this.#registers.length === 0) return;
    const key = entryKey(name);
    const before = new Lenders(this.#registers);
    const after = new Lenders(this.#registers);
    for (const chunk of this.#stored(key)) this.#lend(chunk, before, after);
    const first = periodOf(this.#from, this.#spanMs);
    const last = periodOf(this.#to - 1, this.#spanMs);
    for (let at = this.#periods.length - 1; at >= 0 && before.missing; at--)
      if (this.#periods[at] < first) this.#addPeriod(key, this.#periods[at], chunks, before, after);
    for (let at = 0; at < this.#periods.length && after.missing; at++)
      if (this.#periods[at] > last) this.#addPeriod(key, this.#periods[at], chunks, before, after);
  }

  #addPeriod(key: Uint8Array, period: number, chunks: Uint8Array[], before: Lenders, after: Lenders): void {
    const found: Uint8Array[] = [];
    this.#take(period, this.#view.get(this.#table, period, key), found);
    for (const chunk of found) {
      chunks.push(chunk);
      this.#lend(chunk, before, after);
    }
  }

  /** Only what reaches out of the range is decoded. */
  #lend(chunk: Uint8Array, before: Lenders, after: Lenders): void {
    const starts = startsOf(chunk);
    const back = before.missing && starts[0] < this.#from;
    const on = after.missing && starts[starts.length - 1] >= this.#to;
    if (!back && !on) return;
    const buckets = decodeChunk(chunk);
    for (let at = 0; at < buckets.n; at++) {
      if (buckets.starts[at] < this.#from) before.take(buckets, at);
      else if (buckets.starts[at] >= this.#to) after.take(buckets, at);
    }
  }
}

/** The groups in memory, one after the other in the order of the store. */
class MemoryGroups {
  readonly #groups: RollupState['groups'][number];
  readonly #parts: Generator<number[] | null, void, undefined>;
  #part: number[] = [];
  #at = 0;
  #done = false;
  key: Uint8Array | null = null;

  constructor(rollup: RollupState, groupBy: number, tables: PartialTable[]) {
    this.#groups = rollup.groups[groupBy];
    this.#parts = inStoreOrder(this.#groups, (group) => tables.some((table) => table.heads.get(group) !== 0));
  }

  /** Whether the next group is not known yet. */
  get waits(): boolean {
    return this.key === null && !this.#done;
  }

  step(): void {
    if (this.#at < this.#part.length) {
      const group = this.#part[this.#at++];
      this.key = entryKeyHashed(this.#groups.hash(group), this.#groups.name(group));
      return;
    }
    const next = this.#parts.next();
    this.#done = next.done === true;
    this.#part = next.value ?? [];
    this.#at = 0;
    if (this.#part.length > 0) this.step();
  }

  take(): void {
    this.key = null;
  }
}

function matches(name: Uint8Array, where: DimensionFilter[]): boolean {
  if (where.length === 0) return true;
  const dims = decodeGroup(name);
  return where.every((filter) => {
    const dim = dims[filter.dim];
    return dim !== null && filter.values.includes(dim);
  });
}

export function* readGroups(
  reader: Reader,
  maxGroups: number,
  watermark: number,
): Generator<void, ShardParts, undefined> {
  const parts: ShardParts = { groups: [], chunks: [], truncated: false, watermark: knownMark(watermark) };
  for (const found of reader.groups()) {
    if (found === null) yield;
    else if (parts.groups.length >= maxGroups) {
      parts.truncated = true;
      return parts;
    } else {
      parts.groups.push(decodeGroup(found.name));
      parts.chunks.push(joined(found.chunks));
    }
  }
  return parts;
}

function joined(chunks: Uint8Array[]): Uint8Array {
  let size = 0;
  for (const chunk of chunks) size += chunk.length;
  const bytes = new Uint8Array(size);
  size = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, size);
    size += chunk.length;
  }
  return bytes;
}

function knownMark(watermark: number): number | null {
  return watermark === Number.NEGATIVE_INFINITY ? null : watermark;
}
