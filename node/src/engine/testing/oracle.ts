import type { MeasureSpec, RollupSpec, Site, StreamSpec } from '../../contract/site/model.ts';
import { Calendar } from '../../contract/time/calendar.ts';
import { judgedChain, type OracleSwap } from './register-oracle.ts';

/** A reading as a test writes it: numbers are scaled integers, null is absent. */
export interface TestReading {
  key: string;
  time: number;
  numbers: Record<string, number | null>;
  texts: Record<string, string | null>;
}

/** What a record of the log held, in order. */
export interface TestRecord {
  wallMs: number;
  clockTrusted: boolean;
  readings: TestReading[];
  swaps?: TestSwap[];
}

/** A register of the field `kwh` was swapped, or that is taken back. */
export interface TestSwap {
  id: string;
  undo: boolean;
  key: string;
  at: number;
  /** Scaled, as numbers of readings are. */
  last: number;
  first: number;
}

/** Finished cells by group and start of bucket. */
export type OracleBuckets = Map<string, Map<number, OracleCell>>;

export interface OracleCell {
  values: Record<string, number | null>;
  /** Of `top`: text and count, the most frequent first. */
  lists: Record<string, [string, number][]>;
  late: number;
  revision: number;
}

/** By group and start of bucket. */
type Standing = Map<string, Map<number, { area: bigint; ms: bigint }>>;

const GAP_MS = 7 * 24 * 3_600_000;

export interface OracleQuality {
  long: bigint;
  resets: number;
  duplicates: number;
  coveredMs: number;
}

interface Counted {
  reading: TestReading;
  /** Counters whose chain it is part of. */
  chained: Set<string>;
  /** Watermark before its record's section. */
  watermark: number;
  record: number;
}

/** What of a key is known for certain: readings that were too old to be looked up leave no trace here. */
interface KnownKey {
  newest: number;
  /** In whole seconds. */
  oldest: number;
  chains: Map<string, TestReading[]>;
}

/**
 * The naive engine: keeps every reading, and computes every bucket from all of them with plain maps and BigInt. It shares
 * no code with the engine but the calendar.
 */
export class Oracle {
  readonly #site: Site;
  readonly #stream: StreamSpec;
  readonly #counted: Counted[] = [];
  readonly #again: TestReading[] = [];
  readonly #swaps: TestSwap[] = [];
  readonly #undone = new Set<string>();
  readonly #seen = new Map<string, string>();
  readonly #keys = new Map<string, KnownKey>();
  #watermark = Number.NEGATIVE_INFINITY;
  #records = 0;
  received = 0;
  duplicate = 0;
  conflict = 0;
  late = 0;
  /** Of those that counted: older than raw is kept. */
  unproven = 0;
  /** Of those that were set aside: older than raw is kept. */
  beyondRaw = 0;

  constructor(site: Site, stream: StreamSpec) {
    this.#site = site;
    this.#stream = stream;
  }

  get watermark(): number {
    return this.#watermark;
  }

  get counted(): number {
    return this.#counted.length;
  }

  apply(record: TestRecord): void {
    this.#records++;
    if (record.clockTrusted) this.#watermark = Math.max(this.#watermark, record.wallMs);
    const before = this.#watermark;
    const horizon = before - this.#site.retention.rawMs;
    for (const swap of record.swaps ?? []) this.#swap(swap, horizon);
    let newest = Number.NEGATIVE_INFINITY;
    for (const reading of record.readings) {
      this.received++;
      const key = into(this.#keys, reading.key, newKey);
      const unproven = reading.time <= key.newest && reading.time < horizon;
      if (!unproven && !this.#isNew(reading)) continue;
      if (unproven && this.#stream.beyondRaw === 'quarantine') {
        this.beyondRaw++;
        continue;
      }
      if (unproven) this.unproven++;
      const chained = unproven ? new Set<string>() : this.#chain(key, reading, horizon);
      this.#counted.push({ reading, chained, watermark: before, record: this.#records });
      newest = Math.max(newest, reading.time);
      if ((Math.floor(reading.time / 60_000) + 1) * 60_000 + this.#stream.latenessMs <= before) this.late++;
    }
    if (record.clockTrusted)
      this.#watermark = Math.max(this.#watermark, Math.min(newest, record.wallMs + 5 * 60_000));
  }

  /**
   * What is known already changes nothing, nor does an undo of what is not. Nor a swap among readings of which the one
   * before it has been forgotten: how much flowed before it and after it can no longer be told.
   */
  #swap(swap: TestSwap, horizon: number): void {
    const known = this.#swaps.find(({ id }) => id === swap.id);
    if (swap.undo ? !known || this.#undone.has(swap.id) : known) return;
    const at = known?.at ?? swap.at;
    const key = this.#keys.get(swap.key);
    const chain = key?.chains.get('kwh') ?? [];
    const among = chain.some(({ time }) => time >= at);
    if (among && key!.oldest < horizon && !chain.some(({ time }) => time >= horizon && time < at)) return;
    if (swap.undo) this.#undone.add(swap.id);
    else this.#swaps.push(swap);
  }

  /**
   * Counters whose chain the reading becomes part of. Where it is neither the newest nor has a known reading before it,
   * and older ones may have been forgotten, nothing tells what came before it.
   */
  #chain(key: KnownKey, reading: TestReading, horizon: number): Set<string> {
    const chained = new Set<string>();
    const { time } = reading;
    for (const [field, value] of Object.entries(reading.numbers)) {
      if (value === null) continue;
      const chain = into(key.chains, field, () => []);
      const isNewest = chain.every((one) => one.time < time);
      const follows = (one: TestReading) =>
        one.time >= horizon && (one.time < time || (one.time === time && one.numbers[field]! <= value));
      if (!isNewest && key.oldest < horizon && !chain.some(follows)) continue;
      chain.push(reading);
      chained.add(field);
    }
    key.newest = Math.max(key.newest, time);
    key.oldest = Math.min(key.oldest, Math.floor(time / 1000) * 1000);
    return chained;
  }

  #isNew(reading: TestReading): boolean {
    const content = JSON.stringify([reading.numbers, reading.texts]);
    const ids = this.#stream.idFields.filter((field) => field in reading.numbers || field in reading.texts);
    const id = JSON.stringify(
      this.#stream.idFields.length === 0
        ? [reading.key, reading.time, content]
        : [reading.key, reading.time, ids.map((field) => reading.numbers[field] ?? reading.texts[field])],
    );
    const known = this.#seen.get(id);
    if (known === undefined) {
      this.#seen.set(id, content);
      return true;
    }
    if (known === content) {
      this.duplicate++;
      this.#again.push(reading);
    } else this.conflict++;
    return false;
  }

  /** Times of the readings in a counter's chain, by the name of the group that is the key alone. */
  chainTimes(field: string, group: string): number[] {
    const [key] = JSON.parse(group) as string[];
    return (this.#keys.get(key)?.chains.get(field) ?? []).map((reading) => reading.time);
  }

  /** Every bucket of a group-by at a tier. */
  buckets(rollup: RollupSpec, by: string[], widthMs: number): OracleBuckets {
    const calendar = calendarOf(this.#site.timezone, widthMs);
    const rows = new Map<string, Map<number, Counted[]>>();
    for (const counted of this.#counted) {
      const start = calendar.bucketStart(counted.reading.time, widthMs);
      into(
        into(rows, this.#group(counted.reading, by), () => new Map()),
        start,
        () => [],
      ).push(counted);
    }
    const increases = new Map<string, Map<string, Map<number, bigint>>>();
    for (const field of new Set(rollup.measures.map((measure) => measure.field ?? '')))
      if (rollup.measures.some((one) => one.field === field && (one.fn === 'increase' || one.fn === 'rate')))
        increases.set(field, this.#increases(field, by, widthMs));
    for (const byGroup of increases.values())
      for (const [group, byStart] of byGroup)
        for (const [start, amount] of byStart)
          if (amount !== 0n)
            into(
              into(rows, group, () => new Map()),
              start,
              () => [],
            );
    const standing = new Map<string, Standing>();
    for (const { fn, field } of rollup.measures)
      if (fn === 'timeMean' && field !== null) standing.set(field, this.#standing(field, by, widthMs));
    for (const byGroup of standing.values())
      for (const [group, byStart] of byGroup)
        for (const start of byStart.keys())
          into(
            into(rows, group, () => new Map()),
            start,
            () => [],
          );
    const answer: OracleBuckets = new Map();
    for (const [group, byStart] of rows)
      for (const [start, counted] of byStart) {
        const seconds = (calendar.bucketEnd(start, widthMs) - start) / 1000;
        const values: Record<string, number | null> = {};
        const lists: OracleCell['lists'] = {};
        for (const measure of rollup.measures) {
          if (measure.fn === 'top') {
            lists[measure.name] = this.#frequent(counted, measure.field ?? '');
            continue;
          }
          if (measure.fn === 'timeMean') {
            const stood = standing.get(measure.field!)?.get(group)?.get(start);
            values[measure.name] =
              stood === undefined
                ? null
                : Number(stood.area) / Number(stood.ms) / this.#scale(measure.field!);
            continue;
          }
          const amount =
            increases
              .get(measure.field ?? '')
              ?.get(group)
              ?.get(start) ?? 0n;
          values[measure.name] = this.#finish(measure, counted, amount, seconds);
        }
        const late = counted.filter((one) => this.#wasLate(one, rollup.tiers[0].widthMs));
        const revision = new Set(
          late.map((one) => `${one.record} ${Math.floor(one.reading.time / rollup.tiers[0].widthMs)}`),
        ).size;
        into(answer, group, () => new Map()).set(start, { values, lists, late: late.length, revision });
      }
    return answer;
  }

  #wasLate(counted: Counted, widthMs: number): boolean {
    const end = (Math.floor(counted.reading.time / widthMs) + 1) * widthMs;
    return end + this.#stream.latenessMs <= counted.watermark;
  }

  #group(reading: TestReading, by: string[]): string {
    return JSON.stringify(
      by.map((field) => (field === this.#stream.keyField ? reading.key : (reading.texts[field] ?? null))),
    );
  }

  #finish(measure: MeasureSpec, counted: Counted[], amount: bigint, seconds: number): number | null {
    if (measure.fn === 'expression') return this.#arithmetic(measure, counted, seconds);
    if (measure.field === null) return counted.length;
    const field = measure.field;
    if (measure.fn === 'distinct') return this.#different(counted, field);
    const scale = this.#scale(field);
    if (measure.fn === 'increase') return Number(amount) / scale;
    if (measure.fn === 'rate') return Number(amount) / scale / seconds;
    const readings = counted.map((one) => one.reading).filter((one) => one.numbers[field] !== null);
    if (readings.length === 0) return null;
    const values = readings.map((one) => one.numbers[field]!);
    const sum = values.reduce((total, value) => total + BigInt(value), 0n);
    const ordered = readings
      .map((one) => ({ t: one.time, v: one.numbers[field]! }))
      .sort((a, b) => a.t - b.t || a.v - b.v);
    const quantile = /^p([0-9]+)$/.exec(measure.fn);
    if (quantile !== null) {
      const place = Math.floor(Number(`0.${quantile[1]}`) * (values.length - 1));
      return values.toSorted((a, b) => a - b)[place] / scale;
    }
    switch (measure.fn) {
      case 'stddev': {
        const n = BigInt(values.length);
        const squares = values.reduce((total, value) => total + BigInt(value) * BigInt(value), 0n);
        return Math.sqrt(Number(n * squares - sum * sum)) / values.length / scale;
      }
      case 'sum':
        return Number(sum) / scale;
      case 'mean':
        return Number(sum) / values.length / scale;
      case 'min':
        return Math.min(...values) / scale;
      case 'max':
        return Math.max(...values) / scale;
      case 'first':
        return ordered[0].v / scale;
      default:
        return ordered[ordered.length - 1].v / scale;
    }
  }

  /**
   * What is to be said of the numbers of a counter, by group and bucket: the amount that lies in long intervals, how
   * often the register began again, how many readings came again, and, of a group that is one key, which part of the
   * bucket lies in intervals that are not long.
   */
  quality(
    rollup: RollupSpec,
    by: string[],
    widthMs: number,
    field: string,
  ): Map<string, Map<number, OracleQuality>> {
    const calendar = calendarOf(this.#site.timezone, widthMs);
    const longMs = 3 * (this.#stream.intervalMs ?? rollup.tiers[0].widthMs);
    const all = new Map<string, Map<number, OracleQuality>>();
    const cell = (group: string, start: number) =>
      into(
        into(all, group, () => new Map<number, OracleQuality>()),
        start,
        () => ({ long: 0n, resets: 0, duplicates: 0, coveredMs: 0 }),
      );
    for (const [group, byStart] of this.#increases(field, by, widthMs, longMs))
      for (const [start, amount] of byStart) cell(group, start).long += amount;
    for (const reading of this.#again)
      cell(this.#group(reading, by), calendar.bucketStart(reading.time, widthMs)).duplicates++;
    const spec = this.#stream.fields.find((one) => one.name === field)!;
    for (const chain of this.#chains(field).values())
      for (const { from, to, resets } of judgedChain(chain, spec, this.#swapsOf(chain[0].key))) {
        cell(this.#group(to, by), calendar.bucketStart(to.time, widthMs)).resets += resets;
        if (to.time - from.time > longMs) continue;
        for (
          let start = calendar.bucketStart(from.time, widthMs);
          start < to.time;
          start = calendar.bucketEnd(start, widthMs)
        )
          cell(this.#group(to, by), start).coveredMs +=
            Math.min(to.time, calendar.bucketEnd(start, widthMs)) - Math.max(from.time, start);
      }
    return all;
  }

  /** Increase of a counter over all keys and time, scaled. */
  increase(field: string): number {
    const spec = this.#stream.fields.find((one) => one.name === field)!;
    let total = 0n;
    for (const chain of this.#chains(field).values())
      for (const { amount } of judgedChain(chain, spec, this.#swapsOf(chain[0].key))) total += amount;
    return Number(total);
  }

  /** Arithmetic as JavaScript has it, over operands that need no chain. */
  #arithmetic({ expression }: MeasureSpec, counted: Counted[], seconds: number): number | null {
    const { text, operands } = expression!;
    const values = operands.map((one) => this.#finish(one, counted, 0n, seconds));
    if (values.includes(null)) return null;
    const result: unknown = new Function(...operands.map(({ name }) => name), `return ${text}`)(...values);
    return typeof result === 'number' && Number.isFinite(result) ? result : null;
  }

  /** Different values of a field, null when no reading had any. */
  #different(counted: Counted[], field: string): number | null {
    const all = counted.map(({ reading }) =>
      field === this.#stream.keyField
        ? reading.key
        : (reading.texts[field] ?? reading.numbers[field] ?? null),
    );
    const different = new Set(all.filter((value) => value !== null));
    return different.size === 0 ? null : different.size;
  }

  #frequent(counted: Counted[], field: string): [string, number][] {
    const counts = new Map<string, number>();
    for (const { reading } of counted) {
      const text = reading.texts[field];
      if (text !== null) counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    return [...counts].sort(([s, n], [t, m]) => m - n || (s < t ? -1 : 1)).slice(0, 10);
  }

  /** Increase of a counter by group and bucket: every interval of every key, cut at the boundaries of the tier. */
  #increases(
    field: string,
    by: string[],
    widthMs: number,
    longerThanMs = -1,
  ): Map<string, Map<number, bigint>> {
    const calendar = calendarOf(this.#site.timezone, widthMs);
    const sums = new Map<string, Map<number, bigint>>();
    const spec = this.#stream.fields.find((one) => one.name === field)!;
    const gapMs = spec.register?.maxGapMs ?? GAP_MS;
    for (const chain of this.#chains(field).values())
      for (const { from: a, to: b, amount } of judgedChain(chain, spec, this.#swapsOf(chain[0].key))) {
        if (b.time - a.time <= longerThanMs) continue;
        const group = into(sums, this.#group(b, by), () => new Map<number, bigint>());
        const add = (start: number, part: bigint) => group.set(start, (group.get(start) ?? 0n) + part);
        const last = calendar.bucketStart(b.time, widthMs);
        let start = b.time - a.time > gapMs ? last : calendar.bucketStart(a.time, widthMs);
        let done = 0n;
        for (; start < last; start = calendar.bucketEnd(start, widthMs)) {
          const span = BigInt(b.time - a.time);
          const elapsed = BigInt(calendar.bucketEnd(start, widthMs) - a.time);
          const upTo = (2n * amount * elapsed + span) / (2n * span);
          add(start, upTo - done);
          done = upTo;
        }
        add(last, amount - done);
      }
    return sums;
  }

  #swapsOf(key: string): OracleSwap[] {
    return this.#swaps
      .filter((swap) => swap.key === key && !this.#undone.has(swap.id))
      .map(({ at, last, first }) => ({ at, last: BigInt(last), first: BigInt(first) }))
      .sort((a, b) => a.at - b.at);
  }

  /** How long, and how high, a gauge stood, by group and bucket. */
  #standing(field: string, by: string[], widthMs: number): Standing {
    const calendar = calendarOf(this.#site.timezone, widthMs);
    const sums: Standing = new Map();
    for (const chain of this.#chains(field).values())
      for (let at = 1; at < chain.length; at++) {
        const [a, b] = [chain[at - 1], chain[at]];
        if (b.time - a.time > GAP_MS) continue;
        const group = into(sums, this.#group(b, by), () => new Map<number, { area: bigint; ms: bigint }>());
        for (let from = a.time; from < b.time; ) {
          const start = calendar.bucketStart(from, widthMs);
          const to = Math.min(b.time, calendar.bucketEnd(start, widthMs));
          const cell = into(group, start, () => ({ area: 0n, ms: 0n }));
          cell.area += BigInt(a.numbers[field]!) * BigInt(to - from);
          cell.ms += BigInt(to - from);
          from = to;
        }
      }
    return sums;
  }

  #scale(field: string): number {
    return 10 ** (this.#stream.fields.find((one) => one.name === field)?.decimals ?? 0);
  }

  /** Readings of each key that have the counter, in the order of time, then value. */
  #chains(field: string): Map<string, TestReading[]> {
    const chains = new Map<string, TestReading[]>();
    for (const { reading, chained } of this.#counted)
      if (chained.has(field)) into(chains, reading.key, () => []).push(reading);
    for (const chain of chains.values())
      chain.sort((a, b) => a.time - b.time || a.numbers[field]! - b.numbers[field]!);
    return chains;
  }
}

function into<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function newKey(): KnownKey {
  return { newest: Number.NEGATIVE_INFINITY, oldest: Number.POSITIVE_INFINITY, chains: new Map() };
}

const calendars = new Map<string, Calendar>();

/** Making one asks the platform for years of offsets. */
function calendarOf(timezone: string, widthMs: number): Calendar {
  return into(calendars, `${timezone} ${widthMs}`, () => new Calendar(timezone));
}
