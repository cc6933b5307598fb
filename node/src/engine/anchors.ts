import type { Judge, RegisterRule } from './judgement.ts';
import { KEY_COUNTERS, KEY_ZEROS, type KeyTable } from './key-table.ts';

/** Doubles of a register whose state its last reading alone does not tell: anchor, boots, suspicion. */
const ANCHOR_T = 0;
const ANCHOR_V = 1;
const ANCHOR_BOOT = 2;
const LAST_BOOT = 3;
const SUSPECT = 4;
const DOUBLES = 5;

export function anchorDoubles(rules: RegisterRule[]): number {
  return DOUBLES * rules.filter((rule) => !rule.plain).length;
}

/**
 * The states of the registers after their last readings. A plain register's is its last reading, unless that is a zero
 * that is not known to be settled; of the others five doubles a key are kept. They are forgotten at a restart and when a reading comes late: history tells.
 */
export class Anchors {
  readonly #keys: KeyTable;
  /** Place of the first double by register; −1 for a plain one. */
  readonly #at: number[] = [];

  constructor(keys: KeyTable, rules: RegisterRule[]) {
    this.#keys = keys;
    let at = KEY_COUNTERS + 2 * rules.length;
    for (const { plain } of rules) {
      this.#at.push(plain ? -1 : at);
      if (!plain) at += DOUBLES;
    }
  }

  /** False when it is not known here. */
  load(key: number, c: number, judge: Judge): boolean {
    const at = this.#at[c];
    const last = judge.last;
    last.t = this.#keys.double(key, KEY_COUNTERS + 2 * c);
    last.v = this.#keys.double(key, KEY_COUNTERS + 2 * c + 1);
    last.boot = at < 0 ? Number.NaN : this.#keys.double(key, at + LAST_BOOT);
    if (at < 0) {
      judge.settle(last);
      return last.v !== 0 || this.#settledZero(key, c);
    }
    const time = this.#keys.double(key, at + ANCHOR_T);
    if (Number.isNaN(time)) return false;
    judge.anchor.t = time;
    judge.anchor.v = this.#keys.double(key, at + ANCHOR_V);
    judge.anchor.boot = this.#keys.double(key, at + ANCHOR_BOOT);
    judge.suspect = this.#keys.double(key, at + SUSPECT) === 1;
    return true;
  }

  save(key: number, c: number, judge: Judge): void {
    const at = this.#at[c];
    if (at < 0) {
      this.#noteZero(key, c, judge.last.v === 0 && !judge.suspect);
      return;
    }
    this.#keys.setDouble(key, at + ANCHOR_T, judge.anchor.t);
    this.#keys.setDouble(key, at + ANCHOR_V, judge.anchor.v);
    this.#keys.setDouble(key, at + ANCHOR_BOOT, judge.anchor.boot);
    this.#keys.setDouble(key, at + LAST_BOOT, judge.last.boot);
    this.#keys.setDouble(key, at + SUSPECT, judge.suspect ? 1 : 0);
  }

  forget(key: number, c: number): void {
    if (this.#at[c] >= 0) this.#keys.setDouble(key, this.#at[c] + ANCHOR_T, Number.NaN);
    else this.#noteZero(key, c, false);
  }

  /** There are as many bits as a word has; a register past them asks history. */
  #settledZero(key: number, c: number): boolean {
    return c < 32 && ((this.#keys.word(key, KEY_ZEROS) >>> c) & 1) === 1;
  }

  #noteZero(key: number, c: number, settled: boolean): void {
    if (c >= 32) return;
    const zeros = this.#keys.word(key, KEY_ZEROS);
    this.#keys.setWord(key, KEY_ZEROS, settled ? zeros | (1 << c) : zeros & ~(1 << c));
  }
}
