import type { LedgerAnswer, RollupAnswer } from '@weir/node/contract';
import { idOf, MINUTE_MS, type Reading } from './readings.ts';

interface Count {
  readings: number;
  /** In thousandths. */
  used: number;
}

export interface Verdict {
  /** Acknowledged readings that no bucket counts. */
  lost: number;
  /** Readings counted beyond all that was ever sent. */
  twice: number;
  /** What is wrong, in words; the first few. */
  wrong: string[];
}

export type Group = 'meter' | 'state' | 'all';

const groupOf: Record<Group, (reading: Reading) => string> = {
  meter: ({ meter }) => meter,
  state: ({ state }) => state,
  all: () => '',
};

/**
 * What must be counted: every acknowledged reading once, and of those that were sent and not acknowledged each at most
 * once. It recomputes by itself, minute by minute; what it holds grows with the readings of a test.
 */
export class Oracle {
  readonly #acked = new Map<string, Reading>();
  readonly #maybe = new Map<string, Reading>();
  readonly #sure: Record<Group, Map<string, Map<number, Count>>> = {
    meter: new Map(),
    state: new Map(),
    all: new Map(),
  };
  fromMs = Number.POSITIVE_INFINITY;
  toMs = 0;
  /** Readings sent, every repetition counted. */
  sentReadings = 0;

  get ackedReadings(): number {
    return this.#acked.size;
  }

  /** Sent, never acknowledged: a device would send them again. */
  maybe(): Reading[] {
    return [...this.#maybe.values()];
  }

  someAcked(count: number, random: () => number): Reading[] {
    const all = [...this.#acked.values()];
    return all.length === 0
      ? []
      : Array.from({ length: count }, () => all[Math.floor(random() * all.length)]);
  }

  sent(readings: Reading[]): void {
    this.sentReadings += readings.length;
    for (const reading of readings) {
      if (!this.#acked.has(idOf(reading))) this.#maybe.set(idOf(reading), reading);
      this.fromMs = Math.min(this.fromMs, reading.ts);
      this.toMs = Math.max(this.toMs, reading.ts);
    }
  }

  acked(readings: Reading[]): void {
    for (const reading of readings) {
      const id = idOf(reading);
      this.#maybe.delete(id);
      if (this.#acked.has(id)) continue;
      this.#acked.set(id, reading);
      for (const group of Object.keys(groupOf) as Group[])
        add(this.#sure[group], groupOf[group](reading), reading);
    }
  }

  /** Holds an answer against what must be there. The answer covers all of the test's time. */
  check(answer: RollupAnswer, group: Group): Verdict {
    const verdict: Verdict = { lost: 0, twice: 0, wrong: [] };
    const sure = coarsened(this.#sure[group], answer.step);
    const perhaps = new Map<string, Map<number, Count>>();
    for (const reading of this.#maybe.values()) add(perhaps, groupOf[group](reading), reading, answer.step);
    const served = new Map<string, Map<number, Count>>();
    for (const series of answer.series) {
      const buckets = new Map<number, Count>();
      series.time.forEach((time, at) => {
        const readings = series.values.readings[at] ?? 0;
        buckets.set(time, { readings, used: Math.round((series.values.used[at] ?? 0) * 1000) });
      });
      served.set(group === 'all' ? '' : (series.by[group] ?? ''), buckets);
    }
    if (answer.truncated) verdict.wrong.push('the answer is truncated');
    for (const name of new Set([...sure.keys(), ...perhaps.keys(), ...served.keys()])) {
      const of = (all: Map<string, Map<number, Count>>) => all.get(name) ?? new Map<number, Count>();
      compare(verdict, `${group} ${name}`, of(served), of(sure), of(perhaps));
    }
    return verdict;
  }

  /** Received once each or more often; nothing is quarantined in these loads. */
  checkLedger(ledger: LedgerAnswer): string[] {
    const wrong: string[] = [];
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, n) => all + n, 0);
    const rest = ledger.received - ledger.counted - ledger.duplicate;
    if (rest !== sum(ledger.quarantined) + sum(ledger.rejected))
      wrong.push(`imbalance: ${JSON.stringify(ledger)}`);
    if (sum(ledger.quarantined) > 0) wrong.push(`quarantined: ${JSON.stringify(ledger.quarantined)}`);
    const { size } = this.#acked;
    if (ledger.counted < size || ledger.counted > size + this.#maybe.size)
      wrong.push(`counted ${ledger.counted}, acked ${size}, perhaps ${this.#maybe.size} more`);
    if (ledger.counted !== ledger.onTime + ledger.lateMerged)
      wrong.push(`on time and late do not add up: ${JSON.stringify(ledger)}`);
    return wrong;
  }

  /** The growth of each meter's register, in thousandths: its newest less its oldest. */
  increases(): Map<string, number> {
    const ends = new Map<string, { first: Reading; last: Reading }>();
    for (const reading of this.#acked.values()) {
      const end = ends.get(reading.meter);
      if (!end) ends.set(reading.meter, { first: reading, last: reading });
      else if (reading.ts < end.first.ts) end.first = reading;
      else if (reading.ts > end.last.ts) end.last = reading;
    }
    return new Map([...ends].map(([meter, { first, last }]) => [meter, last.kwh - first.kwh]));
  }
}

function add(
  into: Map<string, Map<number, Count>>,
  name: string,
  reading: Reading,
  widthMs = MINUTE_MS,
): void {
  addCount(into, name, Math.floor(reading.ts / widthMs) * widthMs, { readings: 1, used: reading.used });
}

function addCount(into: Map<string, Map<number, Count>>, name: string, at: number, count: Count): void {
  const buckets = into.get(name) ?? new Map<number, Count>();
  into.set(name, buckets);
  const known = buckets.get(at);
  if (!known) buckets.set(at, { ...count });
  else {
    known.readings += count.readings;
    known.used += count.used;
  }
}

function coarsened(fine: Map<string, Map<number, Count>>, widthMs: number): Map<string, Map<number, Count>> {
  if (widthMs === MINUTE_MS) return fine;
  const coarse = new Map<string, Map<number, Count>>();
  for (const [name, buckets] of fine)
    for (const [at, count] of buckets) addCount(coarse, name, Math.floor(at / widthMs) * widthMs, count);
  return coarse;
}

const NONE: Count = { readings: 0, used: 0 };

function compare(
  verdict: Verdict,
  name: string,
  served: Map<number, Count>,
  sure: Map<number, Count>,
  perhaps: Map<number, Count>,
): void {
  for (const at of new Set([...sure.keys(), ...served.keys()])) {
    const is = served.get(at) ?? NONE;
    const least = sure.get(at) ?? NONE;
    const more = perhaps.get(at) ?? NONE;
    verdict.lost += Math.max(0, least.readings - is.readings);
    verdict.twice += Math.max(0, is.readings - least.readings - more.readings);
    const exact = is.readings !== least.readings || is.used === least.used;
    const within =
      is.readings >= least.readings &&
      is.readings <= least.readings + more.readings &&
      is.used >= least.used &&
      is.used <= least.used + more.used;
    if ((!exact || !within) && verdict.wrong.length < 8)
      verdict.wrong.push(
        `${name} at ${new Date(at).toISOString()}: ${JSON.stringify(is)}, must be ${JSON.stringify(least)} and up to ${JSON.stringify(more)} more`,
      );
  }
}
