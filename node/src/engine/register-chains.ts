import type { Doubt } from '../contract/measures/doubt.ts';
import type { Accumulation } from './accumulation.ts';
import { ChainWindow } from './chain-window.ts';
import { type ChainRow, Judge, plainAmount, type SwapPoint, tooFast } from './judgement.ts';
import { KEY_COUNTERS, KEY_OLDEST_S } from './key-table.ts';
import type { Neighbours, Seeker } from './neighbours.ts';
import { doubtOf, resume } from './register-states.ts';
import type { Interval } from './spread.ts';
import type { StreamEngine } from './stream-engine.ts';

/** Rows after a place that are asked for first; four times as many when they do not settle the matter. */
const FIRST_WANTED = 3;

/** What is known of the readings of a key. */
export interface ChainHistory {
  /** Shows what there is around the seeker's time. */
  probe(key: number, time: number, seeker: Seeker): void;
  /** What is said of the state of a register after a reading; null when the reading settles it. */
  doubt(key: number, c: number, row: ChainRow): Doubt | null;
}

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
 * Judges readings of registers where the two neighbours alone do not tell: it goes on from the state after the reading
 * before, and repairs what a late reading changes after it. Holds a few rows while it works.
 */
export class RegisterChains {
  readonly #stream: StreamEngine;
  readonly #accumulation: Accumulation;
  readonly #history: ChainHistory;
  readonly #window: ChainWindow;
  readonly #judge = new Judge();
  readonly #old = new Judge();
  readonly #now = new Judge();
  readonly #repairs: Repair[] = [];
  /** What is to be said of readings, in the order of the chain. */
  readonly #doubts: Doubt[] = [];
  /** Of the newest judgement: how often the register began again. */
  resets = 0;
  readonly #linked: Linked = { value: 0, beforeT: 0, beforeV: 0, amount: 0, resets: 0 };

  constructor(stream: StreamEngine, accumulation: Accumulation, history: ChainHistory) {
    this.#stream = stream;
    this.#accumulation = accumulation;
    this.#history = history;
    this.#window = new ChainWindow(stream.kept.length);
  }

  /** Whether a judge would say no more of a step up than that it flowed, and nothing is in doubt afterwards. HOT */
  flows(key: number, c: number, before: number, after: number, spanMs: number): boolean {
    const { rules, states } = this.#stream;
    const rule = rules[c];
    if (this.#swapped(key)) return false;
    if (rule.plain) return before !== 0;
    return rule.boot < 0 && !tooFast(rule, after - before, spanMs) && states.isSettled(key, c);
  }

  /** What flowed up to a reading that is newer than its chain's last; NaN when it is the first. */
  newest(key: number, c: number, row: ChainRow): number {
    const { keys, rules, states } = this.#stream;
    const judge = this.#judge;
    if (Number.isNaN(keys.double(key, KEY_COUNTERS + 2 * c))) judge.clear();
    else states.load(key, c, judge);
    const amount = judge.step(rules[c], this.#swapsOf(key, c), row);
    this.resets = judge.resets;
    let doubt: Doubt | null = null;
    if (!judge.settled) {
      doubt = doubtOf(c, row, judge, this.#stream.seq);
      this.#stream.active.addDoubt(key, doubt, true);
    }
    states.save(key, c, row.boot, doubt);
    return amount;
  }

  #look(key: number, c: number, row: ChainRow, wanted: number): void {
    const { rules, horizon } = this.#stream;
    const window = this.#window;
    window.seek({ counter: c, boot: rules[c].boot, horizon, wanted }, row.t, row.v, row.id);
    this.#history.probe(key, row.t, window);
  }

  /** Where the register stood after the reading. */
  #stand(key: number, c: number, row: ChainRow, judge: Judge): void {
    judge.settle(row);
    const doubt = this.#history.doubt(key, c, row);
    if (doubt !== null) resume(judge, doubt);
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
    for (let wanted = FIRST_WANTED; ; wanted *= 4) {
      this.#look(key, c, row, wanted);
      const before = this.#window.before;
      if (before === null) this.#judge.clear();
      else this.#stand(key, c, before, this.#judge);
      this.#repairs.length = 0;
      this.#doubts.length = 0;
      this.#judgeOwn(key, c, row, before);
      const agreed = this.#judgeAfter(key, c, this.#swapsOf(key, c), before, row);
      if (!agreed && this.#window.after.length === wanted) continue;
      if (this.#window.after.length === 0) this.#setLast(key, c, row);
      this.#conclude(key, c, agreed ? null : (this.#window.after.at(-1) ?? row));
      return;
    }
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
    // Of readings that are alike in time and value each is spoken of: which of them is the last is told by the doubts.
    const alike = (other: ChainRow | null) => other !== null && other.t === row.t && other.v === row.v;
    if (!this.#now.settled || alike(before) || alike(this.#window.after[0] ?? null))
      this.#doubts.push(doubtOf(c, row, this.#now, this.#stream.seq));
  }

  /** Folds what comes after as it was and as it is; whether both are of one mind in the end. */
  #judgeAfter(
    key: number,
    c: number,
    oldSwaps: SwapPoint[] | null,
    before: ChainRow | null,
    own: ChainRow,
  ): boolean {
    const { rules, seq } = this.#stream;
    const swaps = this.#swapsOf(key, c);
    const old = this.#old;
    const now = this.#now;
    let oldFrom = before;
    let nowFrom = own;
    for (const to of this.#window.after) {
      const was = old.step(rules[c], oldSwaps, to);
      const is = now.step(rules[c], swaps, to);
      if (was !== is || old.resets !== now.resets || oldFrom !== nowFrom)
        this.#repairs.push({
          tuple: to.tuple,
          old: oldFrom === null ? null : intervalOf(oldFrom, to, was, old.resets),
          now: intervalOf(nowFrom, to, is, now.resets),
        });
      const agreed = old.equals(now);
      if (!agreed || (to.t === own.t && to.v === own.v)) this.#doubts.push(doubtOf(c, to, now, seq));
      if (agreed) return true;
      oldFrom = to;
      nowFrom = to;
    }
    return false;
  }

  /** Keeps what the fold says of readings, and puts right what they brought. `last`: the chain's, when it is judged anew. */
  #conclude(key: number, c: number, last: ChainRow | null): void {
    const { active, states } = this.#stream;
    for (const doubt of this.#doubts) active.addDoubt(key, doubt, false);
    const newest = this.#doubts.at(-1);
    if (last !== null)
      states.save(key, c, last.boot, newest?.t === last.t && newest.id === last.id ? newest : null);
    for (const { tuple, old, now } of this.#repairs) this.#accumulation.repair(key, c, tuple, old, now);
  }

  /** Whether the reading before the time is known, or none is there, or none after it that it would be judged with. */
  canSwap(key: number, c: number, at: number): boolean {
    const { keys, horizon } = this.#stream;
    if (!(keys.double(key, KEY_COUNTERS + 2 * c) >= at) || keys.word(key, KEY_OLDEST_S) * 1000 >= horizon)
      return true;
    this.#look(key, c, swapPlace(at), 1);
    return this.#window.before !== null;
  }

  /** Swaps of a register are not what they were: what lies around the time is judged again. */
  swapped(key: number, c: number, at: number, oldSwaps: SwapPoint[]): void {
    for (let wanted = FIRST_WANTED; ; wanted *= 4) {
      this.#look(key, c, swapPlace(at), wanted);
      const { before, after } = this.#window;
      if (before === null || after.length === 0) return;
      this.#stand(key, c, before, this.#judge);
      this.#repairs.length = 0;
      this.#doubts.length = 0;
      this.#old.copy(this.#judge);
      this.#now.copy(this.#judge);
      const agreed = this.#judgeAfter(key, c, oldSwaps, before, before);
      if (!agreed && after.length === wanted) continue;
      this.#conclude(key, c, agreed ? null : after[after.length - 1]);
      return;
    }
  }

  #swapped(key: number): boolean {
    const { swaps } = this.#stream;
    return swaps.size > 0 && swaps.has(key);
  }

  #swapsOf(key: number, c: number): SwapPoint[] | null {
    return this.#stream.swaps.get(key)?.points[c] ?? null;
  }
}

/** Before every reading of its time. */
function swapPlace(at: number): ChainRow {
  return { t: at, v: Number.NEGATIVE_INFINITY, id: -1, tuple: 0, boot: Number.NaN };
}

function intervalOf(from: ChainRow, to: ChainRow, amount: number, resets: number): Interval {
  return { fromT: from.t, fromV: from.v, toT: to.t, toV: to.v, amount, resets };
}

function plainInterval(fromT: number, fromV: number, toT: number, toV: number): Interval {
  return { fromT, fromV, toT, toV, amount: plainAmount(fromV, toV), resets: toV < fromV ? 1 : 0 };
}

function hasZero(seek: Neighbours, c: number): boolean {
  const before = !Number.isNaN(seek.beforeT[c]) && seek.beforeV[c] === 0;
  const after = !Number.isNaN(seek.afterT[c]) && seek.afterV[c] === 0;
  return before || after;
}
