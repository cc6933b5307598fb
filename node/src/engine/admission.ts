import { LIMITS } from '../contract/limits.ts';
import type { Doubt } from '../contract/measures/doubt.ts';
import type { Section, StreamLayout } from '../contract/reading/section.ts';
import type { Accumulation } from './accumulation.ts';
import { type Block, blockFor } from './block.ts';
import { KeyGroups } from './dimensions.ts';
import type { ChainRow, SwapPoint } from './judgement.ts';
import { KEY_COUNTERS, KEY_NEWEST, KEY_OLDEST_S, KEY_STORED_S, KEY_TUPLE } from './key-table.ts';
import { COUNTED, DUPLICATE, LATE_MERGED, LATE_UNPROVEN, reasonCount } from './ledger.ts';
import { Neighbours, type Seeker } from './neighbours.ts';
import { PAGE_BITS, PAGE_MASK } from './record-pages.ts';
import { RegisterChains } from './register-chains.ts';
import type { RunView } from './run-store.ts';
import { DimensionColumn, hashColumn, numberedTexts, SectionColumns } from './section-columns.ts';
import { StoredHistory, type StoredKey } from './stored-history.ts';
import type { StreamEngine } from './stream-engine.ts';

const NONE = new Float64Array(LIMITS.recordReadings).fill(Number.NaN);

/** Whole seconds and numbers of buckets are kept in 32 bits. The door refuses such times; a record may come another way. */
const TIME_LIMIT = 2 ** 32 * 1000;

/** How readings of a stream are told apart. */
type Identity = 'content' | 'key and time' | 'fields';

/**
 * Decides for each reading of a section whether it counts, and finds what came before it in the chains of its key's
 * counters. A reading newer than every other one of its key is new for certain; only the others are looked up.
 */
export class Admission {
  readonly columns: SectionColumns;
  /** The newest time admitted in the last block. */
  newest = 0;
  readonly #stream: StreamEngine;
  readonly #accumulation: Accumulation;
  readonly #block: Block;
  readonly #seek: Neighbours;
  readonly #stored: StoredHistory;
  readonly #keyGroups: KeyGroups;
  readonly #identity: Identity;
  readonly #idFields: number[];
  readonly #dimensionFields: number[];
  readonly #dimensionColumns: DimensionColumn[];
  readonly #ids: Uint32Array;
  /** Of the values that history keeps: the counters first. */
  readonly #keptColumns: Float64Array[] = [];
  readonly #chains: RegisterChains;
  readonly #stands: boolean[];
  /** What is older is not counted. */
  #least = 0;
  readonly #row: ChainRow = { t: 0, v: 0, id: 0, tuple: 0, boot: 0 };
  #keyOf = new Uint32Array(64);
  #section: Section | null = null;
  #counts: Float64Array = new Float64Array(0);
  #view: RunView | null = null;

  constructor(stream: StreamEngine, accumulation: Accumulation) {
    const { spec, dimensions, counters } = stream;
    this.#stream = stream;
    this.#accumulation = accumulation;
    this.columns = new SectionColumns(spec);
    this.#block = blockFor(counters.length);
    this.#stored = new StoredHistory(spec.name);
    this.#chains = new RegisterChains(stream, accumulation, {
      probe: (key, time, seeker) => this.#probe(key, time, seeker),
      doubt: (key, c, row) => this.#doubt(key, c, row),
    });
    this.#stands = stream.rules.map((rule) => rule.stands);
    this.#keyGroups = new KeyGroups(stream.keys);
    const place = (name: string) => spec.fields.findIndex((field) => field.name === name);
    this.#idFields = spec.idFields.map(place).filter((field) => field >= 0);
    this.#identity =
      spec.idFields.length === 0 ? 'content' : this.#idFields.length === 0 ? 'key and time' : 'fields';
    this.#seek = new Neighbours(stream.kept.length, this.#identity === 'content');
    this.#dimensionFields = dimensions.fields.map(place);
    this.#dimensionColumns = this.#dimensionFields.map(
      (field) => new DimensionColumn(spec.fields[field].decimals),
    );
    this.#ids = new Uint32Array(Math.max(1, dimensions.fields.length));
  }

  /** The store as it is after a checkpoint. */
  see(view: RunView): void {
    this.#view = view;
    this.#stored.forget();
  }

  /** Whether it can be told what flowed before this time and what after. */
  canSwap(key: number, c: number, at: number): boolean {
    return this.#chains.canSwap(key, c, at);
  }

  /** Swaps of a register are not what they were, from this time on. */
  swapped(key: number, c: number, at: number, old: SwapPoint[]): void {
    this.#chains.swapped(key, c, at, old);
  }

  open(section: Section, layout: StreamLayout, counts: Float64Array): void {
    const { dimensions, kept } = this.#stream;
    this.#section = section;
    this.#counts = counts;
    this.#least = this.#stream.leastTime;
    this.columns.take(section, layout);
    for (let dim = 0; dim < this.#dimensionFields.length; dim++)
      this.#dimensionColumns[dim].take(this.columns.columns[this.#dimensionFields[dim]], dimensions);
    const absent = section.rows <= NONE.length ? NONE : nones(section.rows);
    for (let k = 0; k < kept.length; k++) {
      const column = this.columns.columns[kept[k]];
      this.#keptColumns[k] =
        column?.kind === 'text' ? numberedTexts(column) : this.columns.numbers(kept[k], absent);
    }
    this.#findKeys(section);
  }

  #findKeys(section: Section): void {
    const { keyBytes, keyEnds, keyHashes } = section;
    if (this.#keyOf.length < keyEnds.length) this.#keyOf = new Uint32Array(keyEnds.length * 2);
    const keys = this.#stream.keys;
    let from = 0;
    for (let at = 0; at < keyEnds.length; at++) {
      const to = keyEnds[at];
      const known = keys.find(keyBytes, from, to, keyHashes[at]);
      this.#keyOf[at] = known >= 0 ? known : keys.add(keyBytes, from, to, keyHashes[at]);
      from = to;
    }
  }

  /** HOT */
  admit(from: number, to: number): Block {
    const section = this.#section!;
    const block = this.#block;
    const { keys, active, longMs } = this.#stream;
    const { times, keyIndex } = section;
    const keptColumns = this.#keptColumns;
    const stands = this.#stands;
    const counters = stands.length;
    const keyOf = this.#keyOf;
    const { records } = keys;
    const { history } = active;
    const lateBefore = this.#accumulation.lateBefore;
    const least = this.#least;
    this.#identify(from, to);
    block.clear();
    this.newest = Number.NEGATIVE_INFINITY;
    let late = 0;
    for (let row = from; row < to; row++) {
      const key = keyOf[keyIndex[row]];
      const time = times[row];
      const page = records.doubles[(key + 1) >> PAGE_BITS];
      const own = ((key + 1) & PAGE_MASK) * records.doubleStride + records.doubleAt;
      const i = row - from;
      if (!(time >= least && time < TIME_LIMIT)) {
        this.#counts[reasonCount('impossible')]++;
        continue;
      }
      if (time > page[own + KEY_NEWEST]) {
        const tuple = this.#tupleOf(key, row);
        if (page[own + KEY_NEWEST] === Number.NEGATIVE_INFINITY)
          keys.setWord(key, KEY_OLDEST_S, Math.floor(time / 1000));
        page[own + KEY_NEWEST] = time;
        const record = history.append(key, time, tuple, block.contents[i], block.ids[i]);
        for (let c = 0; c < counters; c++) {
          const value = keptColumns[c][row];
          history.setValue(record, c, value);
          block.values[c][block.n] = value;
          if (Number.isNaN(value)) continue;
          const chain = own + KEY_COUNTERS + 2 * c;
          const beforeV = page[chain + 1];
          block.beforeT[c][block.n] = page[chain];
          block.beforeV[c][block.n] = beforeV;
          if (stands[c]) block.judge(c, 0);
          else if (value >= beforeV && this.#chains.flows(key, c, beforeV, value, time - page[chain])) {
            if (block.judged[c]) block.amounts[c][block.n] = value - beforeV;
            if (time - page[chain] > longMs) block.marked[c].push({ reading: block.n, resets: 0 });
          } else {
            const amount = this.#chains.newest(key, c, this.#rowOf(c, row, time, block.ids[i], tuple));
            block.judge(c, amount);
            this.#mark(c, time, page[chain], this.#chains.resets);
          }
          page[chain] = time;
          page[chain + 1] = value;
        }
        for (let k = counters; k < keptColumns.length; k++) history.setValue(record, k, keptColumns[k][row]);
        block.tuples[block.n] = tuple;
      } else if (!this.#admitOld(key, time, row, i)) continue;
      block.rows[block.n] = row;
      block.keys[block.n] = key;
      block.times[block.n] = time;
      block.n++;
      if (time > this.newest) this.newest = time;
      if (time < lateBefore) late++;
    }
    this.#counts[COUNTED] += block.n;
    this.#counts[LATE_MERGED] += late;
    return block;
  }

  /** A reading that is not newer than its key's newest: whether it counts. Fills the block but for what all share. */
  #admitOld(key: number, time: number, row: number, i: number): boolean {
    const block = this.#block;
    const stream = this.#stream;
    const seek = this.#seek;
    const counters = this.#stands.length;
    const horizon = stream.horizon;
    if (time < horizon) {
      if (stream.spec.beyondRaw === 'quarantine') {
        this.#counts[reasonCount('beyondRaw')]++;
        return false;
      }
      for (let c = 0; c < counters; c++) block.values[c][block.n] = Number.NaN;
      block.tuples[block.n] = this.#tupleOf(key, row);
      this.#counts[LATE_UNPROVEN]++;
      return true;
    }
    seek.seek(time, block.ids[i], block.contents[i], horizon);
    seek.values.fill(Number.NaN, counters);
    for (let c = 0; c < counters; c++) seek.values[c] = this.#keptColumns[c][row];
    this.#probe(key, time, seek);
    if (seek.duplicate || seek.conflict) {
      if (seek.duplicate) this.#accumulation.repeat(key, this.#tupleOf(key, row), time);
      this.#counts[seek.duplicate ? DUPLICATE : reasonCount('conflict')]++;
      return false;
    }
    const tuple = this.#tupleOf(key, row);
    // Before it is in history itself: the chains are looked at without it.
    for (let c = 0; c < counters; c++) {
      block.values[c][block.n] = seek.values[c];
      if (Number.isNaN(seek.values[c])) continue;
      const linked = this.#chains.link(key, c, this.#rowOf(c, row, time, block.ids[i], tuple), seek);
      block.values[c][block.n] = linked.value;
      block.beforeT[c][block.n] = linked.beforeT;
      block.beforeV[c][block.n] = linked.beforeV;
      block.judge(c, linked.amount);
      if (!Number.isNaN(linked.value)) this.#mark(c, time, linked.beforeT, linked.resets);
    }
    const { history } = stream.active;
    const record = history.insert(key, time, tuple, block.contents[i], block.ids[i]);
    for (let c = 0; c < counters; c++) history.setValue(record, c, block.values[c][block.n]);
    for (let k = counters; k < this.#keptColumns.length; k++)
      history.setValue(record, k, this.#keptColumns[k][row]);
    const oldest = Math.floor(time / 1000);
    if (oldest < stream.keys.word(key, KEY_OLDEST_S)) stream.keys.setWord(key, KEY_OLDEST_S, oldest);
    block.tuples[block.n] = tuple;
    return true;
  }

  /** Notes that there is more to tell of the interval than its amount. */
  #mark(c: number, time: number, beforeT: number, resets: number): void {
    if (resets !== 0 || time - beforeT > this.#stream.longMs)
      this.#block.marked[c].push({ reading: this.#block.n, resets });
  }

  /** A reading as its chain has it. */
  #rowOf(c: number, row: number, time: number, id: number, tuple: number): ChainRow {
    const chained = this.#row;
    const boot = this.#stream.rules[c].boot;
    chained.t = time;
    chained.v = this.#keptColumns[c][row];
    chained.id = id;
    chained.tuple = tuple;
    chained.boot = boot < 0 ? Number.NaN : this.#keptColumns[boot][row];
    return chained;
  }

  #probe(key: number, time: number, seeker: Seeker): void {
    const { generations, keys, horizon } = this.#stream;
    for (const generation of generations) generation.history.probe(key, seeker);
    const storedMs = keys.word(key, KEY_STORED_S) * 1000;
    if (storedMs === 0 || this.#view === null) return;
    if (time > storedMs && seeker.hasPredecessors(storedMs)) return;
    this.#stored.probe(this.#view, this.#storedKey(key), seeker, horizon);
  }

  #storedKey(key: number): StoredKey {
    const { keys } = this.#stream;
    const oldestMs = keys.word(key, KEY_OLDEST_S) * 1000;
    const newestMs = keys.word(key, KEY_STORED_S) * 1000;
    return { key, name: this.#keyGroups.name(key), hash: keys.hash(key), oldestMs, newestMs };
  }

  /** The newest word on a reading: that of memory, when there is one. */
  #doubt(key: number, c: number, row: ChainRow): Doubt | null {
    const { generations, keys } = this.#stream;
    for (let at = generations.length - 1; at >= 0; at--) {
      const doubt = generations[at].doubt(key, c, row);
      if (doubt !== null) return doubt;
    }
    if (this.#view === null || row.t > keys.word(key, KEY_STORED_S) * 1000) return null;
    return this.#stored.doubt(this.#view, this.#storedKey(key), c, row);
  }

  /** Content and id of a block's rows, by column. HOT */
  #identify(from: number, to: number): void {
    const { contents, ids } = this.#block;
    const n = to - from;
    contents.fill(0, 0, n);
    const columns = this.columns.columns;
    for (let field = 0; field < columns.length; field++) hashColumn(columns[field], from, n, contents);
    if (this.#identity === 'content') for (let i = 0; i < n; i++) ids[i] = contents[i];
    else ids.fill(0, 0, n);
    if (this.#identity === 'fields')
      for (const field of this.#idFields) hashColumn(columns[field], from, n, ids);
    for (let i = 0; i < n; i++) contents[i] = (contents[i] ^ (contents[i] >>> 16)) & 0xffff;
  }

  /** HOT */
  #tupleOf(key: number, row: number): number {
    const columns = this.#dimensionColumns;
    if (columns.length === 0) return 0;
    const { dimensions, keys } = this.#stream;
    const ids = this.#ids;
    for (let dim = 0; dim < columns.length; dim++) ids[dim] = columns[dim].idOf(row, dimensions);
    // Kept plus one: a key begins without a tuple.
    const own = keys.word(key, KEY_TUPLE);
    if (own !== 0 && dimensions.matches(own - 1, ids, 0)) return own - 1;
    const tuple = dimensions.tuple(ids, 0);
    keys.setWord(key, KEY_TUPLE, tuple + 1);
    return tuple;
  }
}

function nones(rows: number): Float64Array {
  return new Float64Array(rows).fill(Number.NaN);
}
