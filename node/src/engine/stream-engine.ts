import { LIMITS } from '../contract/limits.ts';
import { decodeGroup, entryHash, KEY_NAME_AT } from '../contract/measures/entry-key.ts';
import { type KeyState, KeyStateReader } from '../contract/measures/key-state.ts';
import { isChained, type Layout, layoutOf, longIntervalMs } from '../contract/measures/layout.ts';
import { type Slice, sliceOf } from '../contract/measures/slice.ts';
import { decodeSwaps, type KnownSwap, mergeSwaps } from '../contract/measures/swaps-entry.ts';
import { ONLY_PERIOD, TABLES } from '../contract/measures/tables.ts';
import type { Section, StreamLayout } from '../contract/reading/section.ts';
import type { RollupSpec, Site, StreamSpec } from '../contract/site/model.ts';
import { Accumulation } from './accumulation.ts';
import { Admission } from './admission.ts';
import { BLOCK_ROWS } from './block.ts';
import { Dimensions, type Groups, KeyGroups, TupleGroups } from './dimensions.ts';
import { Generation } from './generation.ts';
import { keptFields, type RegisterRule, ruleOf } from './judgement.ts';
import { KEY_COUNTERS, KEY_NEWEST, KEY_OLDEST_S, KEY_STORED_S, KeyTable } from './key-table.ts';
import { COUNTED, LATE_MERGED, ON_TIME, RECEIVED } from './ledger.ts';
import { bootDoubles, RegisterStates } from './register-states.ts';
import type { EntryCursor, RunView, StoredView } from './run-store.ts';
import { type SlotPlan, slotPlan } from './slot-plan.ts';
import { SEEDED_MARK, storedMark } from './stored-mark.ts';
import { type KeySwaps, pointsOf, type SwapRow } from './swaps.ts';
import { type Since, UnknownIntervals } from './unknown-intervals.ts';

export interface RollupState {
  spec: RollupSpec;
  widthMs: number;
  groups: Groups[];
  layouts: Layout[];
  plans: SlotPlan[];
  changed: ChangedSpans;
}

/** Event time whose buckets changed since they were last asked for: of readings on time, and of late ones. */
export interface ChangedSpans {
  onTime: { from: number; to: number };
  late: { from: number; to: number };
}

export function noChange(): ChangedSpans {
  const none = () => ({ from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY });
  return { onTime: none(), late: none() };
}

/**
 * One stream in one shard: its keys, its dimensions and what has changed since the last checkpoint. The last generation
 * is the one that readings go to; those before it are being moved to the store.
 */
export class StreamEngine {
  readonly spec: StreamSpec;
  readonly rollups: RollupState[];
  readonly keys: KeyTable;
  readonly dimensions: Dimensions;
  readonly generations: Generation[];
  /** Fields, by their place in the spec, whose chains are kept: counters, and gauges that are weighed by time. */
  readonly counters: number[];
  /** How the readings of each are judged. */
  readonly rules: RegisterRule[];
  readonly states: RegisterStates;
  /** Intervals that are longer than this are long to at least one rollup. */
  readonly longMs: number;
  /** Fields whose values history keeps: the counters first. */
  readonly kept: number[];
  /** By key. */
  readonly swaps = new Map<number, KeySwaps>();
  watermark = Number.NEGATIVE_INFINITY;
  /** Event time at which a replay begins that does so in the middle; null: it has all there ever were. */
  readonly since: number | null;
  /** Up to this record what is of before `since` is known already: it was there at the beginning. */
  #seededTo = Number.POSITIVE_INFINITY;
  readonly unknown: UnknownIntervals | null;
  /** Of the record that is being applied. */
  seq = 0;
  readonly #admission: Admission;
  readonly #accumulation: Accumulation;
  readonly #rawMs: number;
  readonly #futureMs: number;

  constructor(
    spec: StreamSpec,
    site: Site,
    options: { rawMs: number; futureMs: number; only: string[] | null; since: Since | null },
  ) {
    this.spec = spec;
    this.#rawMs = options.rawMs;
    this.#futureMs = options.futureMs;
    this.since = options.since?.ms ?? null;
    this.unknown = options.since === null ? null : new UnknownIntervals(options.since, spec.name);
    const rollups = site.rollups.filter((rollup) => rollup.stream === spec.name);
    this.counters = countersOf(spec, rollups);
    this.rules = this.counters.map((field) => ruleOf(spec.fields[field], spec, this.counters));
    this.longMs = Math.min(...rollups.map((rollup) => longIntervalMs(rollup, spec)));
    this.kept = keptFields(spec, this.counters);
    this.keys = new KeyTable(this.counters.length, bootDoubles(this.rules));
    this.states = new RegisterStates(this.keys, this.rules);
    this.dimensions = new Dimensions(dimensionsOf(spec, rollups));
    const counted = rollups.filter(({ name }) => options.only?.includes(name) ?? true);
    this.rollups = counted.map((rollup) => this.#state(rollup));
    this.generations = [];
    this.startGeneration();
    this.#accumulation = new Accumulation(this);
    this.#admission = new Admission(this, this.#accumulation);
  }

  get active(): Generation {
    return this.generations[this.generations.length - 1];
  }

  startGeneration(): void {
    const plans = this.rollups.map((rollup) => rollup.plans);
    const widths = this.rollups.map((rollup) => rollup.widthMs);
    this.generations.push(new Generation(plans, widths, this.kept.length, this.dimensions.count));
  }

  /** Before this the store may have forgotten what it knew: such readings are merged without proof. */
  get horizon(): number {
    return this.horizonAt(this.watermark);
  }

  horizonAt(watermark: number): number {
    return watermark - this.#rawMs;
  }

  /** Readings of before are left out of the record that is being applied. A late one that came since is a beginning, too. */
  get leastTime(): number {
    return this.#isSeeded(this.seq) ? Math.max(0, this.since ?? 0) : 0;
  }

  #isSeeded(seq: number): boolean {
    return this.since !== null && seq <= this.#seededTo;
  }

  /** Trusted wall time closes buckets of idle streams. */
  tick(wallMs: number): void {
    if (wallMs > this.watermark) this.watermark = wallMs;
  }

  apply(
    section: Section,
    layout: StreamLayout,
    seq: number,
    counts: Float64Array,
    wallMs: number | null,
  ): void {
    const admission = this.#admission;
    const accumulation = this.#accumulation;
    this.seq = seq;
    // Lateness is judged by the watermark before the section: its own readings do not make each other late.
    accumulation.open(seq, this.watermark - this.spec.latenessMs);
    admission.open(section, layout, counts);
    let newest = Number.NEGATIVE_INFINITY;
    for (let from = 0; from < section.rows; from += BLOCK_ROWS) {
      const block = admission.admit(from, Math.min(section.rows, from + BLOCK_ROWS));
      accumulation.add(block, admission.columns);
      this.unknown?.note(this, block);
      newest = Math.max(newest, admission.newest);
    }
    counts[RECEIVED] += section.rows;
    counts[ON_TIME] = counts[COUNTED] - counts[LATE_MERGED];
    // The door refuses what is further ahead; a record that came another way must not poison the watermark.
    // And while nobody knows the time no reading moves it: windows stay open.
    if (wallMs !== null) this.tick(Math.min(newest, wallMs + this.#futureMs));
  }

  /**
   * A swap that is known already changes nothing, nor does an undo of one that is not. Nor either of them among readings
   * of which the one before it has been forgotten: how much flowed before it and after it can no longer be told. And a
   * replay that begins in the middle has known from its beginning what became of all of them.
   */
  swap({ swap, undo }: SwapRow, name: Uint8Array, hash: number, seq: number): void {
    if (this.#isSeeded(seq)) return;
    this.seq = seq;
    this.#accumulation.open(seq, this.watermark - this.spec.latenessMs);
    const known = this.keys.find(name, 0, name.length, hash);
    const key = known >= 0 ? known : this.keys.add(name, 0, name.length, hash);
    const before = this.swaps.get(key)?.known ?? [];
    const same = before.find((one) => one.id === swap.id);
    if (undo ? !same || same.undone : same || before.length >= LIMITS.swapsOfMeter) return;
    const changed = undo && same ? { ...same, undone: { by: swap.by, recordedAt: swap.recordedAt } } : swap;
    const c = this.counters.findIndex((field) => this.spec.fields[field].name === changed.field);
    if (c >= 0 && !this.#admission.canSwap(key, c, changed.at)) return;
    this.active.swaps.set(key, [
      ...(this.active.swaps.get(key) ?? []).filter((one) => one.id !== swap.id),
      changed,
    ]);
    const now = [...before.filter((one) => one.id !== swap.id), changed];
    const old = this.swaps.get(key)?.points[c] ?? [];
    this.#keepSwaps(key, now);
    if (c >= 0) this.#admission.swapped(key, c, changed.at, old);
  }

  #keepSwaps(key: number, known: KnownSwap[]): void {
    const points = this.counters.map((field) => pointsOf(known, this.spec.fields[field]));
    this.swaps.set(key, { known, points });
  }

  /** The store as it is now: after a checkpoint, history is looked up there. */
  see(view: RunView): void {
    this.#admission.see(view);
  }

  load(view: StoredView, watermark: number): void {
    this.watermark = watermark;
    this.unknown?.load(view, this.spec.name);
    const seededTo = storedMark(view, this.spec.name, SEEDED_MARK);
    if (seededTo > Number.NEGATIVE_INFINITY) this.#seededTo = seededTo;
    for (const { values } of view.scan(TABLES.tuples(this.spec.name), ONLY_PERIOD))
      this.dimensions.restore(decodeGroup(values[0]));
    this.#loadKeys(view.entries(TABLES.keys(this.spec.name), ONLY_PERIOD));
    for (const { key, values } of view.scan(TABLES.swaps(this.spec.name), ONLY_PERIOD))
      this.#keepSwaps(this.#keyOf(sliceOf(key)), decodeSwaps(mergeSwaps(values)));
    this.generations.length = 0;
    this.startGeneration();
  }

  #loadKeys(entries: EntryCursor): void {
    const states = new KeyStateReader();
    while (entries.next()) this.#restoreKey(this.#keyOf(entries.key), states.read(entries.values));
  }

  /** Of an entry of the store. */
  #keyOf(entry: Slice): number {
    const { bytes, to } = entry;
    const from = entry.from + KEY_NAME_AT;
    const hash = entryHash(entry);
    const known = this.keys.find(bytes, from, to, hash);
    return known >= 0 ? known : this.keys.add(bytes, from, to, hash);
  }

  /** HOT: a start makes a million of them. */
  #restoreKey(key: number, { oldest, newest, counters, boots, doubts }: KeyState): void {
    const keys = this.keys;
    keys.setWord(key, KEY_OLDEST_S, Math.floor(oldest / 1000));
    keys.setWord(key, KEY_STORED_S, Math.ceil(newest / 1000));
    keys.setDouble(key, KEY_NEWEST, newest);
    for (let at = 0; at < counters.length; at++) keys.setDouble(key, KEY_COUNTERS + at, counters[at]);
    for (let c = 0; c < boots.length; c++) this.states.save(key, c, boots[c], doubts[c]);
  }

  #state(spec: RollupSpec): RollupState {
    const layouts = spec.groupBys.map((_, at) => layoutOf(spec, at, this.spec));
    const groups = spec.groupBys.map((by) =>
      by.length === 1 && by[0] === this.spec.keyField
        ? new KeyGroups(this.keys)
        : new TupleGroups(by, this.spec.keyField, this.dimensions, this.keys),
    );
    const plans = layouts.map(slotPlan);
    return { spec, widthMs: spec.tiers[0].widthMs, groups, layouts, plans, changed: noChange() };
  }
}

/** Of each counter that a stream keeps: where history has what tells its device's boots, or −1. */
export function bootPlaces(site: Site, stream: string): number[] {
  const spec = site.streams.find(({ name }) => name === stream)!;
  const counters = countersOf(
    spec,
    site.rollups.filter((rollup) => rollup.stream === stream),
  );
  return counters.map((field) => ruleOf(spec.fields[field], spec, counters).boot);
}

function countersOf(spec: StreamSpec, rollups: RollupSpec[]): number[] {
  const names = new Set<string>();
  for (const rollup of rollups)
    for (const measure of rollup.measures)
      if (isChained(measure.fn) && measure.field !== null) names.add(measure.field);
  return spec.fields.flatMap((field, at) => (names.has(field.name) ? [at] : []));
}

/** Every field, other than the key, that a group-by of the stream names. */
function dimensionsOf(spec: StreamSpec, rollups: RollupSpec[]): string[] {
  const names = new Set(rollups.flatMap((rollup) => rollup.groupBys.flat()));
  return spec.fields.map((field) => field.name).filter((name) => names.has(name) && name !== spec.keyField);
}
