import type { LedgerAnswer } from '../contract/api/answers.ts';
import { addCounts, encodeCounts } from '../contract/measures/merge-for.ts';
import { LEDGER_SPAN_MS, TABLES } from '../contract/measures/tables.ts';
import type { QuarantineReason } from '../contract/reading/section.ts';
import type { RunView } from './run-store.ts';

/** Places of the counts in a stored list: append, never reorder. */
export const RECEIVED = 0;
export const COUNTED = 1;
export const ON_TIME = 2;
/** Merged after its bucket was final. */
export const LATE_MERGED = 3;
/** Of those: older than raw is kept, so that nothing could tell whether it came before. */
export const LATE_UNPROVEN = 4;
export const DUPLICATE = 5;
const REASONS: readonly (QuarantineReason | 'beyondRaw')[] = [
  'malformed',
  'impossible',
  'conflict',
  'clock',
  'unknown',
  'beyondRaw',
];
const FIRST_REASON = 6;
const COUNTS = FIRST_REASON + REASONS.length;

const HOUR_MS = 3_600_000;

export function reasonCount(reason: QuarantineReason | 'beyondRaw'): number {
  return FIRST_REASON + REASONS.indexOf(reason);
}

/** What became of the readings since the last checkpoint, by stream and hour of log time. Holds a list an hour. */
export class LedgerDelta {
  readonly #byStream = new Map<string, Map<number, Float64Array>>();

  /** The counts of the hour, to be added to. */
  at(stream: string, wallMs: number): Float64Array {
    const hour = Math.floor(wallMs / HOUR_MS);
    let hours = this.#byStream.get(stream);
    if (hours === undefined) {
      hours = new Map();
      this.#byStream.set(stream, hours);
    }
    let counts = hours.get(hour);
    if (counts === undefined) {
      counts = new Float64Array(COUNTS);
      hours.set(hour, counts);
    }
    return counts;
  }

  /** Adds the counts of hours that lie in the range. */
  addTo(sum: Float64Array, stream: string, fromMs: number, toMs: number): void {
    for (const [hour, counts] of this.#byStream.get(stream) ?? [])
      if (overlaps(hour, fromMs, toMs)) for (let at = 0; at < COUNTS; at++) sum[at] += counts[at];
  }

  addAll(other: LedgerDelta): void {
    for (const [stream, hours] of other.#byStream)
      for (const [hour, counts] of hours) {
        const own = this.at(stream, hour * HOUR_MS);
        for (let at = 0; at < COUNTS; at++) own[at] += counts[at];
      }
  }

  streams(): Iterable<string> {
    return this.#byStream.keys();
  }

  /** Entries of one stream for the store, in the order of their keys. */
  entries(stream: string): { period: number; key: Uint8Array; value: Uint8Array }[] {
    return [...(this.#byStream.get(stream) ?? [])]
      .sort((a, b) => a[0] - b[0])
      .map(([hour, counts]) => ({
        period: Math.floor((hour * HOUR_MS) / LEDGER_SPAN_MS),
        key: hourKey(hour),
        value: encodeCounts(counts),
      }));
  }
}

/** An hour counts with the range when any of it does. */
function overlaps(hour: number, fromMs: number, toMs: number): boolean {
  return (hour + 1) * HOUR_MS > fromMs && hour * HOUR_MS < toMs;
}

function hourKey(hour: number): Uint8Array {
  return Uint8Array.of(hour >>> 24, hour >>> 16, hour >>> 8, hour);
}

/** When the hour of an entry's key is over. */
export function hourEnd(key: Uint8Array): number {
  return (hourOf(key) + 1) * HOUR_MS;
}

function hourOf(key: Uint8Array): number {
  return ((key[0] << 24) | (key[1] << 16) | (key[2] << 8) | key[3]) >>> 0;
}

export function storedLedger(
  view: RunView,
  sum: Float64Array,
  stream: string,
  fromMs: number,
  toMs: number,
): void {
  const table = TABLES.ledger(stream);
  const periodOf = (ms: number) => Math.floor(Math.max(-1e15, Math.min(1e15, ms)) / LEDGER_SPAN_MS);
  for (const period of view.periods(table, periodOf(fromMs), periodOf(toMs)))
    for (const { key, values } of view.scan(table, period)) {
      const hour = hourOf(key);
      if (overlaps(hour, fromMs, toMs)) for (const value of values) addCounts(sum, value);
    }
}

export function newCounts(): Float64Array {
  return new Float64Array(COUNTS);
}

export function ledgerAnswer(sum: Float64Array): LedgerAnswer {
  const quarantined: Record<string, number> = {};
  for (const reason of REASONS)
    if (sum[reasonCount(reason)] > 0) quarantined[reason] = sum[reasonCount(reason)];
  return {
    received: sum[RECEIVED],
    counted: sum[COUNTED],
    onTime: sum[ON_TIME],
    lateMerged: sum[LATE_MERGED],
    ...(sum[LATE_UNPROVEN] > 0 && { lateUnproven: sum[LATE_UNPROVEN] }),
    duplicate: sum[DUPLICATE],
    quarantined,
    rejected: {},
  };
}
