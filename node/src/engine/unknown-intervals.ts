import type { Block } from './block.ts';
import { KEY_OLDEST_S } from './key-table.ts';
import type { RunView } from './run-store.ts';
import { storedMark } from './stored-mark.ts';
import type { StreamEngine } from './stream-engine.ts';

/** Names of the marks beside a stream's watermark, in the order of `UnknownIntervals.marks`. */
export const UNKNOWN_MARKS = ['first', 'end'] as const;

/** Where a replay begins that does so in the middle. */
export interface Since {
  /** Readings of before are left out. */
  ms: number;
  /** By stream, counters that what is stored does not keep: of these nothing is known of before, and nothing was counted. */
  newCounters: Record<string, number[]>;
}

/**
 * A replay that begins in the middle does not know every reading before. Of a meter that had some, the interval up to its
 * first reading has no beginning; and when that one may be in doubt - a zero, a step back, a leap - what came before decides
 * of the next ones too. Holds the ends of the last such intervals, over all meters: what ends later is made of what the
 * replay has read. That a meter had readings is told by the oldest one, which the shadow begins with.
 */
export class UnknownIntervals {
  readonly #since: number;
  readonly #newCounters: number[];
  /** Of intervals without a beginning. */
  #firstTo = Number.NEGATIVE_INFINITY;
  /** Of all. */
  endTo = Number.NEGATIVE_INFINITY;

  constructor({ ms, newCounters }: Since, stream: string) {
    this.#since = ms;
    this.#newCounters = newCounters[stream] ?? [];
  }

  get marks(): number[] {
    return [this.#firstTo, this.endTo];
  }

  load(view: RunView, stream: string): void {
    [this.#firstTo, this.endTo] = UNKNOWN_MARKS.map((name) => storedMark(view, stream, name));
  }

  note({ keys, rules }: StreamEngine, block: Block): void {
    for (let c = 0; c < rules.length; c++) {
      if (this.#newCounters.includes(c)) continue;
      const { plain, stands } = rules[c];
      const values = block.values[c];
      for (let i = 0; i < block.n; i++) {
        const time = block.times[i];
        if (Number.isNaN(values[i]) || time <= this.endTo) continue;
        if (keys.word(block.keys[i], KEY_OLDEST_S) * 1000 >= this.#since) continue;
        const before = block.beforeT[c][i];
        if (Number.isNaN(before)) {
          this.#firstTo = Math.max(this.#firstTo, time);
          this.endTo = time;
        } else if (stands) continue;
        else if (before <= this.#firstTo && !plain) this.endTo = time;
        else if (before <= this.endTo && isDoubtful(block, c, i)) this.endTo = time;
      }
    }
  }
}

/** Whether a register began again, something else than the difference of two readings flowed, or the first is a zero. */
function isDoubtful(block: Block, c: number, i: number): boolean {
  const before = block.beforeV[c][i];
  const step = block.values[c][i] - before;
  if (before === 0 || step < 0 || (block.judged[c] && block.amounts[c][i] !== step)) return true;
  return block.marked[c].some(({ reading, resets }) => reading === i && resets > 0);
}
