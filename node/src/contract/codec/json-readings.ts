import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../limits.ts';
import type { Batch } from '../reading/batch.ts';
import type { QuarantineReason } from '../reading/section.ts';
import type { TopicFill } from '../reading/topic-fill.ts';
import type { SourceSpec, StreamSpec } from '../site/model.ts';
import { FAULTS, MALFORMED, NONE } from './faults.ts';
import { BROKEN, skipSpace } from './json-scan.ts';
import { payloadBytes } from './json-text.ts';
import { ObjectReader } from './object-reader.ts';

/** A binding of its own: the engine folds it into the code, which it does not do with an imported one. */
const bytes = payloadBytes;

/** Where readings that are no good go. */
export interface Aside {
  setAside(reason: QuarantineReason, payload: Uint8Array, from: number, to: number): void;
}

/**
 * JSON payloads of one source straight into the columns of its stream, without objects or strings between: that costs
 * less than JSON.parse alone. One object is a reading, an array of them is a pack. A bad object of a pack is set aside
 * alone; a payload that is not JSON, or holds no reading, is set aside whole and leaves nothing behind.
 */
export class JsonReadings {
  readonly #batch: Batch;
  readonly #objects: ObjectReader;
  readonly #badFrom: number[] = [];
  readonly #badTo: number[] = [];
  readonly #badFault: number[] = [];

  constructor(stream: StreamSpec, source: SourceSpec, batch: Batch) {
    this.#batch = batch;
    this.#objects = new ObjectReader(stream, source, batch);
  }

  /** HOT */
  read(payload: Uint8Array, fill: TopicFill, arrivalMs: number, aside: Aside): void {
    const { length } = payload;
    const { keys, rows } = this.#batch;
    const objects = this.#objects;
    const mark = keys.size;
    objects.row = rows;
    objects.text.high = 0;
    this.#badFault.length = 0;
    let end = BROKEN;
    if (length <= LIMITS.payloadBytes) {
      bytes.set(payload);
      bytes[length] = 0;
      end = this.#payload(fill, arrivalMs);
    }
    if (end === BROKEN || skipSpace(bytes, end) !== length || (objects.text.high > 127 && !isUtf8(payload))) {
      keys.truncate(mark);
      aside.setAside('malformed', payload, 0, length);
      return;
    }
    this.#batch.rows = objects.row;
    for (let bad = 0; bad < this.#badFault.length; bad++) {
      aside.setAside(FAULTS[this.#badFault[bad]], payload, this.#badFrom[bad], this.#badTo[bad]);
    }
  }

  #payload(fill: TopicFill, arrivalMs: number): number {
    let at = skipSpace(bytes, 0);
    if (bytes[at] === 123) return this.#object(at, 1, fill, arrivalMs);
    if (bytes[at] !== 91) return BROKEN;
    at = skipSpace(bytes, at + 1);
    for (let readings = 1; readings <= LIMITS.packReadings; readings++) {
      at = bytes[at] === 123 ? this.#object(at, 2, fill, arrivalMs) : this.#notAnObject(at);
      if (at === BROKEN) return BROKEN;
      at = skipSpace(bytes, at);
      if (bytes[at] === 93) return at + 1;
      if (bytes[at] !== 44) return BROKEN;
      at = skipSpace(bytes, at + 1);
    }
    return BROKEN;
  }

  #object(from: number, depth: number, fill: TopicFill, arrivalMs: number): number {
    const end = this.#objects.read(from, depth, fill, arrivalMs);
    if (end !== BROKEN && this.#objects.fault !== NONE) this.#bad(this.#objects.fault, from, end);
    return end;
  }

  #notAnObject(from: number): number {
    const end = this.#objects.skipOther(from, 1);
    if (end !== BROKEN) this.#bad(MALFORMED, from, end);
    return end;
  }

  #bad(fault: number, from: number, to: number): void {
    const bad = this.#badFault.push(fault) - 1;
    this.#badFrom[bad] = from;
    this.#badTo[bad] = to;
  }
}
