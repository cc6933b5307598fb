import type { FieldSpec } from '../../contract/site/model.ts';
import type { TestReading } from './oracle.ts';

/** A register that was taken out, and the one that was put in. */
export interface OracleSwap {
  at: number;
  last: bigint;
  first: bigint;
}

export interface OracleInterval {
  from: TestReading;
  to: TestReading;
  amount: bigint;
  resets: number;
}

/**
 * The judgement of registers by its words, over the whole chain in order, with BigInt: every reading is kept, nothing
 * is repaired. Shares no code with the engine.
 */
export function judgedChain(chain: TestReading[], field: FieldSpec, swaps: OracleSwap[]): OracleInterval[] {
  const value = (one: TestReading) => BigInt(one.numbers[field.name]!);
  const modulus = BigInt(field.register?.modulus ?? 0);
  const noise = BigInt(field.register?.noise ?? 0);
  const rate = field.maxRatePerHour === null ? null : field.maxRatePerHour * 10 ** field.decimals;
  const tooFast = (amount: bigint, a: TestReading, b: TestReading) =>
    rate !== null && Number(amount) * 3_600_000 > rate * (b.time - a.time);
  const bootField = field.register?.boot ?? null;
  const boot = (one: TestReading) =>
    bootField === null ? null : (one.texts[bootField] ?? one.numbers[bootField] ?? null);
  const positive = (amount: bigint) => (amount > 0n ? amount : 0n);

  const look = (a: TestReading, b: TestReading): { what: string; amount: bigint } => {
    const between = swaps.filter((swap) => swap.at > a.time && swap.at <= b.time);
    if (between.length > 0) {
      let at = value(a);
      let amount = 0n;
      for (const swap of between) {
        amount += positive(swap.last - at);
        at = swap.first;
      }
      return { what: 'swap', amount: amount + positive(value(b) - at) };
    }
    if (boot(a) !== null && boot(b) !== null && boot(a) !== boot(b))
      return { what: 'reset', amount: tooFast(value(b), a, b) ? 0n : positive(value(b)) };
    const step = value(b) - value(a);
    if (step >= 0n)
      return tooFast(step, a, b) ? { what: 'suspect', amount: 0n } : { what: 'up', amount: step };
    if (-step <= noise) return { what: 'noise', amount: 0n };
    const nearEnd = modulus > 0n && value(a) <= modulus && 4n * value(a) >= 3n * modulus;
    const around = value(b) + modulus - value(a);
    if (nearEnd && value(b) >= 0n && 4n * value(b) < modulus && !tooFast(around, a, b))
      return { what: 'wrap', amount: around };
    if (value(b) === 0n || (value(b) > 0n && tooFast(value(b), a, b))) return { what: 'suspect', amount: 0n };
    return { what: 'reset', amount: positive(value(b)) };
  };

  const intervals: OracleInterval[] = [];
  let anchor = chain[0];
  let suspect: TestReading | null = null;
  for (let at = 1; at < chain.length; at++) {
    const to = chain[at];
    let resets = 0;
    let seen = look(anchor, to);
    if (suspect !== null && (seen.what === 'reset' || seen.what === 'suspect')) {
      anchor = suspect;
      resets++;
      seen = look(anchor, to);
    }
    if (seen.what === 'reset') resets++;
    suspect = seen.what === 'suspect' ? to : null;
    if (seen.what !== 'suspect' && seen.what !== 'noise') anchor = to;
    intervals.push({ from: chain[at - 1], to, amount: seen.amount, resets });
  }
  return intervals;
}
