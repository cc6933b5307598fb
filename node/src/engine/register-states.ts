import type { Doubt } from '../contract/measures/doubt.ts';
import type { ChainRow, Judge, RegisterRule } from './judgement.ts';
import { KEY_COUNTERS, type KeyTable } from './key-table.ts';

/** A double for each register whose device tells its boots: that of the last reading. */
export function bootDoubles(rules: RegisterRule[]): number {
  return rules.filter((rule) => rule.boot >= 0).length;
}

/**
 * The states of the registers after their last readings. Mostly the last reading settles the register and says it all;
 * of the others one doubt each is held, as the store has it too.
 */
export class RegisterStates {
  readonly #keys: KeyTable;
  readonly #counters: number;
  /** Place of the boot's double by register; −1 where nothing tells it. */
  readonly #bootAt: number[] = [];
  /** By key and register: of last readings alone. */
  readonly #open = new Map<number, Doubt>();

  constructor(keys: KeyTable, rules: RegisterRule[]) {
    this.#keys = keys;
    this.#counters = rules.length;
    let at = KEY_COUNTERS + 2 * rules.length;
    for (const { boot } of rules) this.#bootAt.push(boot < 0 ? -1 : at++);
  }

  /** Brings the judge to where the register stands; it has a last reading. */
  load(key: number, c: number, judge: Judge): void {
    const { last } = judge;
    last.t = this.#keys.double(key, KEY_COUNTERS + 2 * c);
    last.v = this.#keys.double(key, KEY_COUNTERS + 2 * c + 1);
    last.boot = this.#bootAt[c] < 0 ? Number.NaN : this.#keys.double(key, this.#bootAt[c]);
    judge.settle(last);
    const doubt = this.#open.size === 0 ? undefined : this.#open.get(this.#place(key, c));
    if (doubt !== undefined) resume(judge, doubt);
  }

  /** Whether the last reading says it all. */
  isSettled(key: number, c: number): boolean {
    return this.#open.size === 0 || !this.#open.has(this.#place(key, c));
  }

  /** What came after the last reading, or what is said of it anew: the doubt, or null when it settles the register. */
  save(key: number, c: number, boot: number, doubt: Doubt | null): void {
    if (this.#bootAt[c] >= 0) this.#keys.setDouble(key, this.#bootAt[c], boot);
    if (doubt?.open) this.#open.set(this.#place(key, c), doubt);
    else if (this.#open.size > 0) this.#open.delete(this.#place(key, c));
  }

  #place(key: number, c: number): number {
    return key * this.#counters + c;
  }
}

/** Brings a judge that was settled at the reading to what is said of it. */
export function resume(judge: Judge, doubt: Doubt): void {
  judge.anchor.t = doubt.anchorT;
  judge.anchor.v = doubt.anchorV;
  judge.anchor.boot = doubt.anchorBoot;
  judge.suspect = doubt.suspect;
}

/** What is to be said of a reading after which the judge stands so. */
export function doubtOf(c: number, row: ChainRow, judge: Judge, seq: number): Doubt {
  return {
    counter: c,
    t: row.t,
    v: row.v,
    id: row.id,
    boot: row.boot,
    seq,
    open: !judge.settled,
    suspect: judge.suspect,
    anchorT: judge.anchor.t,
    anchorV: judge.anchor.v,
    anchorBoot: judge.anchor.boot,
  };
}
