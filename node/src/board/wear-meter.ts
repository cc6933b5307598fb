import type { WearSpec } from '../contract/index.ts';
import type { FlashCounters } from './flash-counters.ts';

/** What was written in the lives of the process before this one, as `wear.json` keeps it. */
export interface WearPast {
  /** Since when it is counted, epoch ms. */
  sinceMs: number;
  ownBytes: number;
  deviceBytes: number;
}

export interface WearFigures {
  sinceMs: number;
  /** Written by Weir since it is counted. */
  totalBytes: number;
  /** Written a day, at the pace of the last day or of what there is of it; null before a minute is over. */
  perDayBytes: number | null;
  /** The same of the whole disk, which others write to as well; null where the machine does not tell. */
  devicePerDayBytes: number | null;
  /** Bytes written for each byte of the log, which is what the readings themselves take; null before there is enough. */
  amplification: number | null;
  /** Until all is written that can be, at this pace; null where the site file does not say what can. */
  monthsLeft: number | null;
  /** What may be written a day for the flash to last as long as it is to. */
  budgetPerDayBytes: number | null;
}

interface Mark extends FlashCounters {
  atMs: number;
}

const DAY_MS = 24 * 3_600_000;
const MONTH_DAYS = 365.25 / 12;
const MARK_EVERY_MS = 15 * 60_000;
const LEAST_SPAN_MS = 60_000;
const LEAST_LOG_BYTES = 1_000_000;
/** Nobody plans further ahead. */
const MONTHS_MOST = 1200;
/** A life that is over is spread over this much more, so that the budget does not end at nothing. */
const LIFE_LEAST_MS = 30 * DAY_MS;

/**
 * How fast flash is written, from counters that only grow. Holds a mark for each quarter of an hour of the last day.
 */
export class WearMeter {
  readonly #spec: WearSpec | null;
  readonly #past: WearPast;
  readonly #marks: Mark[] = [];
  readonly #first: Mark;
  readonly #firstLogBytes: number;
  #now: Mark;

  constructor(
    spec: WearSpec | null,
    past: WearPast,
    atMs: number,
    counters: FlashCounters,
    logBytes: number,
  ) {
    this.#spec = spec;
    this.#past = past;
    this.#first = { atMs, ...counters };
    this.#firstLogBytes = logBytes;
    this.#now = this.#first;
    this.#marks.push(this.#first);
  }

  /** `atMs` is monotonic. */
  sample(atMs: number, counters: FlashCounters): void {
    this.#now = { atMs, ...counters };
    if (atMs - this.#marks[this.#marks.length - 1].atMs < MARK_EVERY_MS) return;
    this.#marks.push(this.#now);
    while (this.#marks.length > 1 && this.#marks[1].atMs <= atMs - DAY_MS) this.#marks.shift();
  }

  /** With the present life of the process. */
  get past(): WearPast {
    return {
      sinceMs: this.#past.sinceMs,
      ownBytes: this.#past.ownBytes + (grown(this.#first.ownBytes, this.#now.ownBytes) ?? 0),
      deviceBytes: this.#past.deviceBytes + (grown(this.#first.deviceBytes, this.#now.deviceBytes) ?? 0),
    };
  }

  figures(wallMs: number, logBytes: number): WearFigures {
    const from = this.#marks[0];
    const perDayBytes = this.#perDay(from, 'ownBytes');
    const devicePerDayBytes = this.#perDay(from, 'deviceBytes');
    const own = grown(this.#first.ownBytes, this.#now.ownBytes);
    const logged = logBytes - this.#firstLogBytes;
    const { sinceMs, ownBytes, deviceBytes } = this.past;
    const left =
      this.#spec === null ? null : Math.max(0, this.#spec.enduranceBytes - Math.max(ownBytes, deviceBytes));
    const pace = Math.max(perDayBytes ?? 0, devicePerDayBytes ?? 0);
    const known = perDayBytes !== null || devicePerDayBytes !== null;
    return {
      sinceMs,
      totalBytes: ownBytes,
      perDayBytes,
      devicePerDayBytes,
      amplification: own === null || logged < LEAST_LOG_BYTES ? null : own / logged,
      monthsLeft:
        left === null || !known ? null : Math.min(MONTHS_MOST, left / Math.max(1, pace) / MONTH_DAYS),
      budgetPerDayBytes: left === null ? null : this.#budget(left, wallMs),
    };
  }

  /** Of what is left to write, spread over what is left of the life that the site file asks for. */
  #budget(leftBytes: number, wallMs: number): number | null {
    const lifeMs = this.#spec?.lifeMs ?? null;
    if (lifeMs === null) return null;
    const leftMs = Math.max(LIFE_LEAST_MS, lifeMs - Math.max(0, wallMs - this.#past.sinceMs));
    return leftBytes / (leftMs / DAY_MS);
  }

  #perDay(from: Mark, of: 'ownBytes' | 'deviceBytes'): number | null {
    const spanMs = this.#now.atMs - from.atMs;
    const bytes = grown(from[of], this.#now[of]);
    return bytes === null || spanMs < LEAST_SPAN_MS ? null : (bytes * DAY_MS) / spanMs;
  }
}

function grown(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : Math.max(0, to - from);
}
