import { MAX_GAP_MS } from '../contract/measures/layout.ts';
import type { FieldSpec, StreamSpec } from '../contract/site/model.ts';

/**
 * What the readings of a register say about what flowed. The readings of one key are folded in the order of time, value
 * and id, so that the judgement is a function of them alone, in whatever order they came. After a reading the state is
 * the reading that counts (the anchor), the last one, and whether that one is under suspicion: a zero, or a step that is
 * too fast, is believed only when the next reading agrees with it; else it was momentary and changes nothing.
 */

/** How one register is judged; amounts are scaled integers. */
export interface RegisterRule {
  /** Infinity: it never goes back to zero by itself. */
  modulus: number;
  noise: number;
  /** Scaled units an hour; Infinity takes any step. */
  maxRate: number;
  maxGapMs: number;
  /** Place of the boot among the values that history keeps; −1: nothing tells. */
  boot: number;
  /** A reading that is not zero settles everything: judged by its neighbours alone. */
  plain: boolean;
  /** A gauge, whose value stands until the next: its chain is kept, and nothing of it is judged. */
  stands: boolean;
}

/** Fields whose readings history keeps: the registers, then what their devices' boots are told by. */
export function keptFields(spec: StreamSpec, counters: number[]): number[] {
  const place = (name: string) => spec.fields.findIndex((field) => field.name === name);
  const boots = counters.map((field) => spec.fields[field].register?.boot ?? null);
  return [...counters, ...new Set(boots.filter((name) => name !== null).map(place))];
}

export function ruleOf(field: FieldSpec, spec: StreamSpec, counters: number[]): RegisterRule {
  const { register, maxRatePerHour, decimals } = field;
  const boot = register?.boot ?? null;
  const kept = keptFields(spec, counters);
  const rule = {
    modulus: register?.modulus ?? Number.POSITIVE_INFINITY,
    noise: register?.noise ?? 0,
    maxRate: maxRatePerHour === null ? Number.POSITIVE_INFINITY : maxRatePerHour * 10 ** decimals,
    maxGapMs: register?.maxGapMs ?? MAX_GAP_MS,
    boot:
      boot === null
        ? -1
        : kept.indexOf(
            spec.fields.findIndex((one) => one.name === boot),
            counters.length,
          ),
  };
  const plain =
    rule.modulus === Number.POSITIVE_INFINITY &&
    rule.noise === 0 &&
    rule.maxRate === Number.POSITIVE_INFINITY &&
    boot === null;
  return { ...rule, plain, stands: field.type === 'gauge' };
}

/** One register was taken out and another put in: what each showed then. */
export interface SwapPoint {
  at: number;
  last: number;
  first: number;
}

/** One reading of a register, in the order of its chain. */
export interface ChainRow {
  t: number;
  v: number;
  id: number;
  tuple: number;
  /** NaN where nothing tells. */
  boot: number;
}

type Outcome = 'up' | 'wrap' | 'swap' | 'reset' | 'noise' | 'suspect';

const HOUR_MS = 3_600_000;

/** What a plain register went up by between two readings that are not zero. HOT */
export function plainAmount(before: number, after: number): number {
  return after >= before ? after - before : Math.max(0, after);
}

/** The fold. `step` answers what the register went up by since the reading before; NaN for the first reading. */
export class Judge {
  /** The reading that counts. Its time is NaN before the first one. */
  readonly anchor: ChainRow = { t: Number.NaN, v: 0, id: 0, tuple: 0, boot: Number.NaN };
  readonly last: ChainRow = { t: Number.NaN, v: 0, id: 0, tuple: 0, boot: Number.NaN };
  suspect = false;
  /** Of the newest step: how many times the register began again. */
  resets = 0;
  #amount = 0;

  clear(): void {
    this.anchor.t = Number.NaN;
    this.suspect = false;
  }

  /** Nothing before this reading matters. */
  settle(row: ChainRow): void {
    copyRow(this.anchor, row);
    copyRow(this.last, row);
    this.suspect = false;
  }

  /** Whether the last reading says it all. */
  get settled(): boolean {
    return !this.suspect && sameRow(this.anchor, this.last);
  }

  copy(from: Judge): void {
    copyRow(this.anchor, from.anchor);
    copyRow(this.last, from.last);
    this.suspect = from.suspect;
  }

  /** Whether both will judge every later reading alike. */
  equals(other: Judge): boolean {
    return (
      this.suspect === other.suspect &&
      sameRow(this.anchor, other.anchor) &&
      (!this.suspect || sameRow(this.last, other.last))
    );
  }

  step(rule: RegisterRule, swaps: SwapPoint[] | null, row: ChainRow): number {
    this.resets = 0;
    if (Number.isNaN(this.anchor.t)) {
      this.settle(row);
      return Number.NaN;
    }
    let outcome = this.#outcome(rule, swaps, this.anchor, row);
    if (this.suspect && (outcome === 'reset' || outcome === 'suspect')) {
      // The reading under suspicion was right: the register stands there now. What lies between is not known.
      copyRow(this.anchor, this.last);
      this.resets = 1;
      outcome = this.#outcome(rule, swaps, this.anchor, row);
    }
    if (outcome === 'reset') this.resets++;
    this.suspect = outcome === 'suspect';
    if (!this.suspect && outcome !== 'noise') copyRow(this.anchor, row);
    copyRow(this.last, row);
    return this.#amount;
  }

  #outcome(rule: RegisterRule, swaps: SwapPoint[] | null, from: ChainRow, to: ChainRow): Outcome {
    this.#amount = 0;
    const swapped = swaps === null ? Number.NaN : throughSwaps(swaps, from, to);
    if (!Number.isNaN(swapped)) {
      this.#amount = swapped;
      return 'swap';
    }
    const span = to.t - from.t;
    // Both known and not the same.
    if (from.boot < to.boot || from.boot > to.boot) {
      if (to.v > 0 && !tooFast(rule, to.v, span)) this.#amount = to.v;
      return 'reset';
    }
    const step = to.v - from.v;
    if (step >= 0) {
      if (tooFast(rule, step, span)) return 'suspect';
      this.#amount = step;
      return 'up';
    }
    if (-step <= rule.noise) return 'noise';
    const around = to.v + rule.modulus - from.v;
    if (wraps(rule.modulus, from.v, to.v) && !tooFast(rule, around, span)) {
      this.#amount = around;
      return 'wrap';
    }
    if (to.v === 0 || (to.v > 0 && tooFast(rule, to.v, span))) return 'suspect';
    if (to.v > 0) this.#amount = to.v;
    return 'reset';
  }
}

/** Near the modulus before, near zero after. */
function wraps(modulus: number, before: number, after: number): boolean {
  return before <= modulus && before >= modulus * 0.75 && after >= 0 && after < modulus * 0.25;
}

export function tooFast(rule: RegisterRule, amount: number, spanMs: number): boolean {
  return amount * HOUR_MS > rule.maxRate * spanMs;
}

/** What flowed when registers were swapped between the two readings; NaN when none was. */
function throughSwaps(swaps: SwapPoint[], from: ChainRow, to: ChainRow): number {
  let amount = Number.NaN;
  let before = from.v;
  for (const { at, last, first } of swaps) {
    if (at <= from.t || at > to.t) continue;
    amount = (Number.isNaN(amount) ? 0 : amount) + Math.max(0, last - before);
    before = first;
  }
  return amount + Math.max(0, to.v - before);
}

export function copyRow(into: ChainRow, from: ChainRow): void {
  into.t = from.t;
  into.v = from.v;
  into.id = from.id;
  into.tuple = from.tuple;
  into.boot = from.boot;
}

/** Whether nothing later is judged otherwise by the one than by the other. */
function sameRow(a: ChainRow, b: ChainRow): boolean {
  if (Number.isNaN(a.t) || Number.isNaN(b.t)) return Number.isNaN(a.t) && Number.isNaN(b.t);
  return a.t === b.t && a.v === b.v && Object.is(a.boot, b.boot);
}
