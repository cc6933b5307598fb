import { TIME_MALFORMED, textTime } from '../codec/event-time.ts';
import { IMPOSSIBLE, keyFault, MALFORMED, NONE } from '../codec/faults.ts';
import { LIMITS } from '../limits.ts';
import type { SourceSpec, StreamSpec } from '../site/model.ts';
import type { Batch, BatchColumn } from './batch.ts';
import { hashBytes } from './shard-of.ts';

/** What the levels of one topic give to every reading that comes by it. */
export class TopicFill {
  key = new Uint8Array(0);
  keyHash = 0;
  /** NaN when the topic holds no time. */
  time = Number.NaN;
  fault = NONE;
  readonly columns: BatchColumn[] = [];
  /** What each of `columns` gets, valid after `enter`. */
  readonly entries: number[] = [];
  readonly #texts: Uint8Array[] = [];
  readonly #hashes: number[] = [];

  constructor(stream: StreamSpec, source: SourceSpec, batch: Batch, levels: string[]) {
    for (const { field, level } of source.topicFields) {
      const text = new TextEncoder().encode(levels[level]);
      if (field === stream.keyField) this.#setKey(text);
      else if (field === stream.timeField) this.#setTime(text);
      else this.#addText(batch.columns[stream.fields.findIndex((spec) => spec.name === field)], text);
    }
  }

  /** Numbers the texts anew, since a dictionary may have been cleared since the last payload. HOT */
  enter(): void {
    for (let at = 0; at < this.#texts.length; at++) {
      const text = this.#texts[at];
      this.entries[at] = 1 + this.columns[at].dictionary!.intern(text, 0, text.length, this.#hashes[at]);
    }
  }

  #setKey(text: Uint8Array<ArrayBuffer>): void {
    this.key = text;
    this.keyHash = hashBytes(text, 0, text.length);
    this.#fail(keyFault(text, 0, text.length));
  }

  #setTime(text: Uint8Array): void {
    this.time = textTime(text, 0, text.length);
    if (this.time < 0) this.#fail(this.time === TIME_MALFORMED ? MALFORMED : IMPOSSIBLE);
  }

  #addText(column: BatchColumn, text: Uint8Array): void {
    if (text.length > LIMITS.textBytes) {
      this.#fail(IMPOSSIBLE);
      return;
    }
    this.columns.push(column);
    this.entries.push(0);
    this.#texts.push(text);
    this.#hashes.push(hashBytes(text, 0, text.length));
  }

  #fail(fault: number): void {
    if (fault !== NONE && (this.fault === NONE || fault < this.fault)) this.fault = fault;
  }
}
