import { DAY_MS } from './duration.ts';

const MIN_MS = Date.UTC(1970, 0, 1);
const MAX_MS = Date.UTC(2200, 0, 1);
/** Transitions are looked for in steps of a week: no zone changes there and back within one. */
const PROBE_MS = 7 * DAY_MS;
const CHUNK_MS = 3652 * DAY_MS;
/** Lookups around an instant reach at most a day of offset and a bucket beyond it. */
const MARGIN_MS = 40 * DAY_MS;
/** More than any local time differs from UTC, a skipped date included. */
const SKEW_MS = 2 * DAY_MS;

/**
 * The offsets of one IANA zone as sorted typed arrays: period i has one offset and starts at `start(i)`. They are
 * asked from `Intl` once, lazily by decades, between 1970 and 2200; outside, the nearest known offset stands. Every
 * answer is a function of the zone and the instant alone, however much of the table is filled.
 */
export class OffsetTable {
  readonly #clock: Intl.DateTimeFormat;
  #from: number;
  #to: number;
  #starts: Float64Array;
  #offsets: Float64Array;
  #periods = 1;
  #last = 0;

  constructor(timezone: string) {
    this.#clock = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    this.#from = Date.UTC(2020, 0, 1);
    this.#to = this.#from;
    this.#starts = new Float64Array(2).fill(Number.POSITIVE_INFINITY);
    this.#offsets = new Float64Array(2);
    this.#starts[0] = Number.NEGATIVE_INFINITY;
    this.#offsets[0] = this.#ask(this.#from);
  }

  start(period: number): number {
    return this.#starts[period];
  }

  offset(period: number): number {
    return this.#offsets[period];
  }

  at(t: number): number {
    // The period first: finding it may replace the arrays.
    const period = this.find(t);
    return this.#offsets[period];
  }

  /** The period that holds the instant. Periods may be renumbered by the next call of `find`. HOT */
  find(t: number): number {
    if (t < this.#from + MARGIN_MS && this.#from > MIN_MS) this.#extend(t);
    else if (t > this.#to - MARGIN_MS && this.#to < MAX_MS) this.#extend(t);
    const starts = this.#starts;
    const last = this.#last;
    if (t >= starts[last] && t < starts[last + 1]) return last;
    let low = 0;
    let high = this.#periods - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (starts[middle] <= t) low = middle;
      else high = middle - 1;
    }
    this.#last = low;
    return low;
  }

  /** The first instant at which the local clock shows this or later; `localMs` is the wall clock as if it were UTC. HOT */
  firstInstant(localMs: number): number {
    this.find(localMs + SKEW_MS);
    let period = this.find(localMs - SKEW_MS);
    while (period < this.#periods - 1) {
      const opened = this.#starts[period];
      const instant = localMs - this.#offsets[period];
      if (instant <= opened) return opened;
      if (instant < this.#starts[period + 1]) return instant;
      period++;
    }
    return Math.max(this.#starts[period], localMs - this.#offsets[period]);
  }

  #extend(t: number): void {
    while (t < this.#from + MARGIN_MS && this.#from > MIN_MS) {
      const from = Math.max(MIN_MS, this.#from - CHUNK_MS);
      this.#fill(from, this.#from, true);
      this.#from = from;
    }
    while (t > this.#to - MARGIN_MS && this.#to < MAX_MS) {
      const to = Math.min(MAX_MS, this.#to + CHUNK_MS);
      this.#fill(this.#to, to, false);
      this.#to = to;
    }
  }

  /** Adds the periods that begin in (from, to], before or after all known ones. */
  #fill(from: number, to: number, before: boolean): void {
    const starts = [Number.NEGATIVE_INFINITY];
    const offsets = [this.#ask(from)];
    for (let at = from; at < to; at += PROBE_MS) {
      const next = Math.min(to, at + PROBE_MS);
      let low = at;
      // Several transitions may lie in one step: after the first is found, the rest of the step is searched again.
      while (this.#ask(next) !== offsets[offsets.length - 1]) {
        low = this.#firstChange(low, next, offsets[offsets.length - 1]);
        starts.push(low);
        offsets.push(this.#ask(low));
      }
    }
    const known = before
      ? [...this.#starts.subarray(1, this.#periods)]
      : [...this.#starts.subarray(0, this.#periods)];
    const knownOffsets = [...this.#offsets.subarray(before ? 1 : 0, this.#periods)];
    const allStarts = before ? [...starts, ...known] : [...known, ...starts.slice(1)];
    const allOffsets = before ? [...offsets, ...knownOffsets] : [...knownOffsets, ...offsets.slice(1)];
    this.#periods = allStarts.length;
    this.#starts = Float64Array.from([...allStarts, Number.POSITIVE_INFINITY]);
    this.#offsets = Float64Array.from([...allOffsets, allOffsets[allOffsets.length - 1]]);
    this.#last = 0;
  }

  /** Bisects to the second: no zone changes between seconds. */
  #firstChange(from: number, to: number, offset: number): number {
    let low = from;
    let high = to;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (this.#ask(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }

  #ask(t: number): number {
    let year = 0;
    let month = 1;
    let day = 1;
    let hour = 0;
    let minute = 0;
    let second = 0;
    let beforeChrist = false;
    for (const part of this.#clock.formatToParts(t)) {
      if (part.type === 'year') year = Number(part.value);
      else if (part.type === 'month') month = Number(part.value);
      else if (part.type === 'day') day = Number(part.value);
      else if (part.type === 'hour') hour = Number(part.value);
      else if (part.type === 'minute') minute = Number(part.value);
      else if (part.type === 'second') second = Number(part.value);
      else if (part.type === 'era') beforeChrist = part.value.startsWith('B');
    }
    const local = Date.UTC(beforeChrist ? 1 - year : year, month - 1, day, hour, minute, second);
    return local - Math.floor(t / 1000) * 1000;
  }
}

/** Whether `Intl` knows it as an IANA name; plain offsets such as `+01:00` are none. */
export function isTimezone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch (cause) {
    if (cause instanceof RangeError) return false;
    throw cause;
  }
}
