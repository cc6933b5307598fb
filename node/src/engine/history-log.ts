import { type HistoryRows, newHistoryRows } from '../contract/measures/history-chunk.ts';
import type { Seeker } from './neighbours.ts';
import { PAGE_BITS, PAGE_MASK, PagedIndex, RecordPages } from './record-pages.ts';

const NEXT = 0;
const TUPLE = 1;
const CONTENT = 2;
const ID = 3;
const WORDS = 4;
const TIME = 0;
const VALUES = 1;

/** A key with more readings than this in memory gets them in an array too: walking its chain would take too long. */
const LONG_CHAIN = 48;

/**
 * Counted readings since the last checkpoint, chained by key from the newest to the oldest. Holds one record a reading;
 * the checkpoint bounds it.
 */
export class HistoryLog {
  readonly heads = new PagedIndex();
  readonly records: RecordPages;
  readonly counters: number;
  /** Records of a long chain, ascending by time. */
  readonly #long = new Map<number, LongChain>();

  constructor(counters: number) {
    this.counters = counters;
    this.records = new RecordPages(WORDS, VALUES + counters);
  }

  get memoryBytes(): number {
    return this.heads.memoryBytes + this.records.memoryBytes;
  }

  /** Adds a reading that is newer than every other one of its key. Values follow by `setValue`. HOT */
  append(key: number, time: number, tuple: number, content: number, id: number): number {
    const record = this.#add(time, tuple, content, id);
    const words = this.records.words[record >> PAGE_BITS];
    words[(record & PAGE_MASK) * this.records.wordStride + NEXT] = this.heads.get(key);
    this.heads.set(key, record);
    if (this.#long.size > 0) this.#long.get(key)?.append(record);
    return record;
  }

  /** Adds a reading where its time belongs. */
  insert(key: number, time: number, tuple: number, content: number, id: number): number {
    const record = this.#add(time, tuple, content, id);
    const long = this.#longChain(key, time);
    let before = long === null ? this.#walkTo(key, time) : long.lastAfter(time);
    if (long !== null) long.insert(record, time);
    if (before === 0) before = -1;
    const next = before < 0 ? this.heads.get(key) : this.word(before, NEXT);
    this.#setNext(record, next);
    if (before < 0) this.heads.set(key, record);
    else this.#setNext(before, record);
    return record;
  }

  setValue(record: number, counter: number, value: number): void {
    this.records.doubles[record >> PAGE_BITS][this.#double(record, VALUES + counter)] = value;
  }

  word(record: number, word: number): number {
    return this.records.words[record >> PAGE_BITS][(record & PAGE_MASK) * this.records.wordStride + word];
  }

  time(record: number): number {
    return this.records.doubles[record >> PAGE_BITS][this.#double(record, TIME)];
  }

  value(record: number, counter: number): number {
    return this.records.doubles[record >> PAGE_BITS][this.#double(record, VALUES + counter)];
  }

  /** Shows the readings around the time to `seek`, from newer to older, until it has enough. */
  probe(key: number, seek: Seeker): void {
    const long = this.#longChain(key, seek.time);
    let record = long === null ? this.heads.get(key) : long.firstToShow(seek);
    for (; record !== 0; record = this.word(record, NEXT)) {
      const time = this.time(record);
      if (seek.hasPredecessors(time)) return;
      seek.show(time, this.word(record, ID), this.word(record, CONTENT), this.word(record, TUPLE));
      for (let counter = 0; counter < this.counters; counter++)
        seek.showValue(counter, this.value(record, counter));
    }
  }

  /** All readings of a key, ascending, into `into` (made wider when needed); answers the one used. */
  rowsOf(key: number, into: HistoryRows): HistoryRows {
    const { words: wordPages, doubles: doublePages, wordStride, doubleStride, doubleAt } = this.records;
    let n = 0;
    for (let record = this.heads.get(key); record !== 0; n++) {
      if (n === chain.length) chain = wider(chain);
      chain[n] = record;
      record = wordPages[record >> PAGE_BITS][(record & PAGE_MASK) * wordStride + NEXT];
    }
    const rows = into.times.length >= n ? into : newHistoryRows(this.counters, n * 2);
    rows.n = n;
    for (let row = 0; row < n; row++) {
      const record = chain[n - 1 - row];
      const words = wordPages[record >> PAGE_BITS];
      const doubles = doublePages[record >> PAGE_BITS];
      const word = (record & PAGE_MASK) * wordStride;
      const double = (record & PAGE_MASK) * doubleStride + doubleAt;
      rows.times[row] = doubles[double + TIME];
      rows.ids[row] = words[word + ID];
      rows.contents[row] = words[word + CONTENT];
      rows.tuples[row] = words[word + TUPLE];
      for (let counter = 0; counter < this.counters; counter++)
        rows.values[counter][row] = doubles[double + VALUES + counter];
    }
    return rows;
  }

  #add(time: number, tuple: number, content: number, id: number): number {
    const record = this.records.add();
    const words = this.records.words[record >> PAGE_BITS];
    const base = (record & PAGE_MASK) * this.records.wordStride;
    words[base + TUPLE] = tuple;
    words[base + CONTENT] = content;
    words[base + ID] = id;
    this.records.doubles[record >> PAGE_BITS][this.#double(record, TIME)] = time;
    return record;
  }

  #double(record: number, double: number): number {
    return (record & PAGE_MASK) * this.records.doubleStride + this.records.doubleAt + double;
  }

  #setNext(record: number, next: number): void {
    this.records.words[record >> PAGE_BITS][(record & PAGE_MASK) * this.records.wordStride + NEXT] = next;
  }

  /** The oldest record newer than the time, 0 when there is none. */
  #walkTo(key: number, time: number): number {
    let before = 0;
    for (
      let record = this.heads.get(key);
      record !== 0 && this.time(record) > time;
      record = this.word(record, NEXT)
    )
      before = record;
    return before;
  }

  /** The array of a key whose chain is long; null while a walk to the time is short. */
  #longChain(key: number, time: number): LongChain | null {
    const known = this.#long.get(key);
    if (known !== undefined) return known;
    let record = this.heads.get(key);
    for (let steps = 0; steps < LONG_CHAIN; steps++) {
      if (record === 0 || this.time(record) < time) return null;
      record = this.word(record, NEXT);
    }
    const all: number[] = [];
    for (record = this.heads.get(key); record !== 0; record = this.word(record, NEXT)) all.push(record);
    const chain = new LongChain(this, all.reverse());
    this.#long.set(key, chain);
    return chain;
  }
}

/** Room to turn a chain around: it is read from the newest on. */
let chain = new Uint32Array(64);

function wider(narrow: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const wide = new Uint32Array(narrow.length * 2);
  wide.set(narrow);
  return wide;
}

/** Records of one key ascending by time, found by halving. */
class LongChain {
  readonly #log: HistoryLog;
  #records: Uint32Array;
  #n: number;

  constructor(log: HistoryLog, records: number[]) {
    this.#log = log;
    this.#records = new Uint32Array(records.length * 2);
    this.#records.set(records);
    this.#n = records.length;
  }

  append(record: number): void {
    this.#room();
    this.#records[this.#n++] = record;
  }

  insert(record: number, time: number): void {
    this.#room();
    const at = this.#above(time);
    this.#records.copyWithin(at + 1, at, this.#n);
    this.#records[at] = record;
    this.#n++;
  }

  /** The oldest record newer than the time, 0 when there is none. */
  lastAfter(time: number): number {
    const at = this.#above(time);
    return at < this.#n ? this.#records[at] : 0;
  }

  /** Where a walk must begin to meet the wanted values of every counter after the sought time, if there are any. */
  firstToShow(seek: Seeker): number {
    let at = this.#above(seek.time);
    const missing = new Map<number, number>();
    for (let counter = 0; counter < this.#log.counters; counter++)
      if (!Number.isNaN(seek.values[counter])) missing.set(counter, seek.wanted);
    let last = at - 1;
    for (; at < this.#n && missing.size > 0; at++) {
      for (const [counter, wanted] of missing) {
        if (Number.isNaN(this.#log.value(this.#records[at], counter))) continue;
        if (wanted > 1) missing.set(counter, wanted - 1);
        else missing.delete(counter);
      }
      last = at;
    }
    // All of the same time are shown: their order is by value.
    while (last >= 0 && last + 1 < this.#n && this.#timeAt(last + 1) === this.#timeAt(last)) last++;
    return last < 0 ? 0 : this.#records[last];
  }

  #timeAt(at: number): number {
    return this.#log.time(this.#records[at]);
  }

  /** Place of the first record newer than the time. */
  #above(time: number): number {
    let low = 0;
    let high = this.#n;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timeAt(middle) > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #room(): void {
    if (this.#n < this.#records.length) return;
    const wider = new Uint32Array(this.#n * 2);
    wider.set(this.#records);
    this.#records = wider;
  }
}
