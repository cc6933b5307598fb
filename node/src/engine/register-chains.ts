import type { Accumulation } from './accumulation.ts';
import { Anchors } from './anchors.ts';
import { ChainWindow } from './chain-window.ts';
import { type ChainRow, Judge, plainAmount, type SwapPoint, settles } from './judgement.ts';
import { KEY_COUNTERS, KEY_OLDEST_S } from './key-table.ts';
import type { Neighbours, Seeker } from './neighbours.ts';
import type { Interval } from './spread.ts';
import type { StreamEngine } from './stream-engine.ts';

/** Rows on either side that are asked for first; four times as many when they do not settle the matter. */
const FIRST_WANTED = 3;

/** Shows what history has of a key around the seeker's time. */
export type Probe = (key: number, time: number, seeker: Seeker) => void;

/** Where a reading came to stand in the chain of a register. */
export interface Linked {
  /** The reading's, or NaN when it cannot be told what came before: then it is no part of the chain. */
  value: number;
  beforeT: number;
  beforeV: number;
  amount: number;
  resets: number;
}

interface Repair {
  tuple: number;
  old: Interval | null;
  now: Interval;
}

/**
 * Judges readings of registers where the two neighbours alone do not tell: it looks at as much of the chain as the
 * judgement depends on, before and after, and repairs what a late reading changes. Holds a few rows while it works.
 */
export class RegisterChains {
  readonly #stream: StreamEngine;
  readonly #accumulation: Accumulation;
  readonly #probe: Probe;
  readonly #anchors: Anchors;
  readonly #window: ChainWindow;
  readonly #judge = new Judge();
  readonly #old = new Judge();
  readonly #now = new Judge();
  /** Of the newest judgement: how often the register began again. */
  resets = 0;
  readonly #linked: Linked = { value: 0, beforeT: 0, beforeV: 0, amount: 0, resets: 0 };

  constructor(stream: StreamEngine, accumulation: Accumulation, probe: Probe) {
    this.#stream = stream;
    this.#accumulation = accumulation;
    this.#probe = probe;
    this.#anchors = new Anchors(stream.keys, stream.rules);
    this.#window = new ChainWindow(stream.kept.length);
  }

  /** What flowed up to a reading that is newer than its chain's last; NaN when it is the first. */
  newest(key: number, c: number, row: ChainRow): number {
    const { keys, rules } = this.#stream;
    const rule = rules[c];
    const judge = this.#judge;
    const lastT = keys.double(key, KEY_COUNTERS + 2 * c);
    this.resets = 0;
    if (Number.isNaN(lastT)) judge.clear();
    else if (!this.#anchors.load(key, c, judge)) this.#recall(key, c, row, judge);
    const amount = judge.step(rule, this.#swapsOf(key, c), row);
    this.#anchors.save(key, c, judge);
    this.resets = judge.resets;
    return amount;
  }

  /** The state after the last reading before the row, from history. */
  #recall(key: number, c: number, row: ChainRow, judge: Judge): void {
    for (let wanted = FIRST_WANTED; ; wanted *= 4) {
      this.#look(key, c, row, wanted);
      const rows = this.#window.before.reverse();
      const from = settledAt(this.#stream.rules[c], rows);
      if (from < 0 && rows.length === wanted) continue;
      // What is older than history goes back is known by its last reading alone.
      if (rows.length === 0) judge.settle(judge.last);
      else this.#fold(key, c, rows, Math.max(0, from), judge);
      return;
    }
  }

  #look(key: number, c: number, row: ChainRow, wanted: number): void {
    const { rules, horizon } = this.#stream;
    const window = this.#window;
    window.seek({ counter: c, boot: rules[c].boot, horizon, wanted }, row.t, row.v, row.id);
    this.#probe(key, row.t, window);
  }

  #fold(key: number, c: number, rows: ChainRow[], from: number, judge: Judge): void {
    judge.settle(rows[from]);
    const swaps = this.#swapsOf(key, c);
    for (let at = from + 1; at < rows.length; at++) judge.step(this.#stream.rules[c], swaps, rows[at]);
  }

  /**
   * Puts a reading that is not newer than its key's newest into the chain of a register: what came before is answered,
   * what follows is judged again as far as the reading changes it. `seek` knows the neighbours.
   */
  link(key: number, c: number, row: ChainRow, seek: Neighbours): Linked {
    const { keys, rules } = this.#stream;
    const linked = this.#linked;
    const chainT = keys.double(key, KEY_COUNTERS + 2 * c);
    linked.value = row.v;
    linked.beforeT = seek.beforeT[c];
    linked.beforeV = seek.beforeV[c];
    if (chainT < row.t) {
      linked.beforeT = chainT;
      linked.beforeV = keys.double(key, KEY_COUNTERS + 2 * c + 1);
    }
    const certain =
      !Number.isNaN(linked.beforeT) ||
      keys.word(key, KEY_OLDEST_S) * 1000 >= seek.horizon ||
      Number.isNaN(chainT);
    if (!certain) linked.value = Number.NaN;
    else if (rules[c].stands) this.#linkPlain(key, c, row, seek);
    else if (!(chainT >= row.t)) {
      linked.amount = this.newest(key, c, row);
      linked.resets = this.resets;
      this.#setLast(key, c, row);
    } else if (rules[c].plain && row.v !== 0 && !this.#swapped(key) && !hasZero(seek, c))
      this.#linkPlain(key, c, row, seek);
    else this.#linkJudged(key, c, row);
    return linked;
  }

  #setLast(key: number, c: number, row: ChainRow): void {
    this.#stream.keys.setDouble(key, KEY_COUNTERS + 2 * c, row.t);
    this.#stream.keys.setDouble(key, KEY_COUNTERS + 2 * c + 1, row.v);
  }

  #linkPlain(key: number, c: number, row: ChainRow, seek: Neighbours): void {
    const linked = this.#linked;
    const isFirst = Number.isNaN(linked.beforeT);
    linked.amount = isFirst ? Number.NaN : plainAmount(linked.beforeV, row.v);
    linked.resets = !isFirst && row.v < linked.beforeV ? 1 : 0;
    const toT = seek.afterT[c];
    const toV = seek.afterV[c];
    if (Number.isNaN(toT)) {
      this.#setLast(key, c, row);
      return;
    }
    const old = isFirst ? null : plainInterval(linked.beforeT, linked.beforeV, toT, toV);
    const now = plainInterval(row.t, row.v, toT, toV);
    this.#accumulation.repair(key, c, seek.afterTuple[c], old, now);
  }

  #linkJudged(key: number, c: number, row: ChainRow): void {
    const repairs: Repair[] = [];
    for (let wanted = FIRST_WANTED; ; wanted *= 4) {
      this.#look(key, c, row, wanted);
      const rows = this.#window.before.reverse();
      const from = settledAt(this.#stream.rules[c], rows);
      if (from < 0 && rows.length === wanted) continue;
      this.#judge.clear();
      if (rows.length > 0) this.#fold(key, c, rows, Math.max(0, from), this.#judge);
      repairs.length = 0;
      const before = rows.at(-1) ?? null;
      this.#judgeOwn(key, c, row, before);
      const agreed = this.#judgeAfter(key, c, this.#swapsOf(key, c), before, row, repairs);
      if (agreed || this.#window.after.length < wanted) break;
    }
    if (this.#window.after.length === 0) {
      this.#setLast(key, c, row);
      this.#anchors.save(key, c, this.#now);
    } else this.#anchors.forget(key, c);
    for (const { tuple, old, now } of repairs) this.#accumulation.repair(key, c, tuple, old, now);
  }

  /** Leaves one fold as it was without the reading, and one as it is with it. */
  #judgeOwn(key: number, c: number, row: ChainRow, before: ChainRow | null): void {
    const linked = this.#linked;
    this.#old.copy(this.#judge);
    this.#now.copy(this.#judge);
    linked.beforeT = before?.t ?? Number.NaN;
    linked.beforeV = before?.v ?? Number.NaN;
    linked.amount = this.#now.step(this.#stream.rules[c], this.#swapsOf(key, c), row);
    linked.resets = this.#now.resets;
  }

  /** Folds what comes after as it was and as it is; whether both are of one mind in the end. */
  #judgeAfter(
    key: number,
    c: number,
    oldSwaps: SwapPoint[] | null,
    before: ChainRow | null,
    own: ChainRow,
    repairs: Repair[],
  ): boolean {
    const rule = this.#stream.rules[c];
    const swaps = this.#swapsOf(key, c);
    const old = this.#old;
    const now = this.#now;
    let oldFrom = before;
    let nowFrom = own;
    for (const to of this.#window.after) {
      const was = old.step(rule, oldSwaps, to);
      const is = now.step(rule, swaps, to);
      if (was !== is || old.resets !== now.resets || oldFrom !== nowFrom)
        repairs.push({
          tuple: to.tuple,
          old: oldFrom === null ? null : intervalOf(oldFrom, to, was, old.resets),
          now: intervalOf(nowFrom, to, is, now.resets),
        });
      if (old.equals(now)) return true;
      oldFrom = to;
      nowFrom = to;
    }
    return false;
  }

  /** Swaps of a register are not what they were: what lies around the time is judged again. */
  swapped(key: number, c: number, at: number, oldSwaps: SwapPoint[]): void {
    const repairs: Repair[] = [];
    const place = { t: at, v: Number.NEGATIVE_INFINITY, id: -1, tuple: 0, boot: Number.NaN };
    for (let wanted = FIRST_WANTED; ; wanted *= 4) {
      this.#look(key, c, place, wanted);
      const rows = this.#window.before.reverse();
      const from = settledAt(this.#stream.rules[c], rows);
      if (from < 0 && rows.length === wanted) continue;
      if (rows.length === 0) break;
      this.#fold(key, c, rows, Math.max(0, from), this.#judge);
      repairs.length = 0;
      this.#old.copy(this.#judge);
      this.#now.copy(this.#judge);
      const before = rows[rows.length - 1];
      if (this.#judgeAfter(key, c, oldSwaps, before, before, repairs) || this.#window.after.length < wanted)
        break;
    }
    this.#anchors.forget(key, c);
    for (const { tuple, old, now } of repairs) this.#accumulation.repair(key, c, tuple, old, now);
  }

  #swapped(key: number): boolean {
    return this.#stream.swaps.has(key);
  }

  #swapsOf(key: number, c: number): SwapPoint[] | null {
    return this.#stream.swaps.get(key)?.points[c] ?? null;
  }
}

function intervalOf(from: ChainRow, to: ChainRow, amount: number, resets: number): Interval {
  return { fromT: from.t, fromV: from.v, toT: to.t, toV: to.v, amount, resets };
}

function plainInterval(fromT: number, fromV: number, toT: number, toV: number): Interval {
  return { fromT, fromV, toT, toV, amount: plainAmount(fromV, toV), resets: toV < fromV ? 1 : 0 };
}

/** Of the newest row at which the fold can begin; −1 when none is known to settle what came before. */
function settledAt(rule: StreamEngine['rules'][number], rows: ChainRow[]): number {
  let at = rows.length - 1;
  while (at >= 0 && !settles(rule, rows, at)) at--;
  return at;
}

function hasZero(seek: Neighbours, c: number): boolean {
  const before = !Number.isNaN(seek.beforeT[c]) && seek.beforeV[c] === 0;
  const after = !Number.isNaN(seek.afterT[c]) && seek.afterV[c] === 0;
  return before || after;
}
