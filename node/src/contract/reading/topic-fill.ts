import { TIME_MALFORMED, textTime } from '../codec/event-time.ts';
import { IMPOSSIBLE, keyFault, MALFORMED, NONE } from '../codec/faults.ts';
import { LIMITS } from '../limits.ts';
import type { SourceSpec, StreamSpec } from '../site/model.ts';
import type { Batch, BatchColumn } from './batch.ts';
import { hashBytes } from './shard-of.ts';
import type { TopicLevels } from './topic-levels.ts';

const KEY = -1;
const TIME = -2;

/**
 * What the levels of a topic give to every reading that comes by it. One for each source, filled anew for each payload:
 * a million meters with a topic each would not fit into any cache, and this takes less time than a look into one.
 */
export class TopicFill {
  /** The key is `key[0 .. keyLength]` where the topic holds it. */
  readonly key = new Uint8Array(LIMITS.keyBytes);
  keyLength = 0;
  keyHash = 0;
  /** NaN when the topic holds no time. */
  time = Number.NaN;
  fault = NONE;
  readonly columns: BatchColumn[] = [];
  /** What each of `columns` gets. */
  readonly entries: number[] = [];
  readonly #levels: number[] = [];
  /** KEY, TIME or the place in `columns`, for each of the levels. */
  readonly #targets: number[] = [];
  readonly #text = new Uint8Array(LIMITS.textBytes);

  constructor(stream: StreamSpec, source: SourceSpec, batch: Batch) {
    for (const { field, level } of source.topicFields) {
      const column = stream.fields.findIndex((spec) => spec.name === field);
      this.#levels.push(level);
      if (field === stream.keyField) this.#targets.push(KEY);
      else if (field === stream.timeField) this.#targets.push(TIME);
      else this.#targets.push(this.columns.push(batch.columns[column]) - 1);
    }
    this.entries = this.columns.map(() => 0);
  }

  /** HOT */
  aim(levels: TopicLevels): void {
    this.fault = NONE;
    for (let at = 0; at < this.#levels.length; at++) {
      const target = this.#targets[at];
      if (target === KEY) this.#setKey(levels, this.#levels[at]);
      else if (target === TIME) this.#setTime(levels, this.#levels[at]);
      else this.#setText(levels, this.#levels[at], target);
    }
  }

  #setKey(levels: TopicLevels, level: number): void {
    const length = levels.write(level, this.key);
    this.keyLength = Math.max(0, length);
    this.keyHash = hashBytes(this.key, 0, this.keyLength);
    this.#fail(length < 0 ? IMPOSSIBLE : keyFault(this.key, 0, length));
  }

  #setTime(levels: TopicLevels, level: number): void {
    const length = levels.write(level, this.#text);
    this.time = length < 0 ? TIME_MALFORMED : textTime(this.#text, 0, length);
    if (this.time < 0) this.#fail(this.time === TIME_MALFORMED ? MALFORMED : IMPOSSIBLE);
  }

  #setText(levels: TopicLevels, level: number, column: number): void {
    const text = this.#text;
    const length = levels.write(level, text);
    if (length < 0) this.#fail(IMPOSSIBLE);
    else
      this.entries[column] =
        1 + this.columns[column].dictionary!.intern(text, 0, length, hashBytes(text, 0, length));
  }

  #fail(fault: number): void {
    if (fault !== NONE && (this.fault === NONE || fault < this.fault)) this.fault = fault;
  }
}
