import type { Aside } from '../codec/json-readings.ts';
import { LIMITS } from '../limits.ts';
import type { Site } from '../site/model.ts';
import { keepArrivalOrder, type WrittenRows } from './arrival-order.ts';
import type { Batch } from './batch.ts';
import { cutByShard, cutSections, type Rows } from './cut-sections.ts';
import { HELD_BYTES, type HeldStamp, heldPayload } from './held.ts';
import type { LogRecord, QuarantineReason, SetAside } from './section.ts';
import { TopicRoutes } from './topic-routes.ts';

/** What the broker's intake uses: payloads in, one record of the log out. */
export interface GroupBuilderPort {
  matches(topic: string): boolean;
  /**
   * `arrivalMs` is NaN while nobody knows the time: then a reading that does not say its own is held, or set aside.
   * Never throws. What is no good is set aside with its reason; a topic that no stream takes is let be.
   */
  add(topic: string, payload: Uint8Array, arrivalMs: number): void;
  /** Of the group under way; `bytes` is an estimate of the record before compression. */
  readonly readings: number;
  readonly bytes: number;
  readonly setAsideCount: number;
  /** The group as a record; the builder starts anew. */
  take(seq: number, wallMs: number, clockTrusted: boolean): LogRecord;
}

/** Payloads that one group keeps of what it sets aside. Past this the message is still counted, without its payload. */
const ASIDE_BYTES = 256 * 1024;
const ASIDE_OVERHEAD = 16;
/** Bytes of a cell before compression, about: numbers are bit-packed or varints. */
const CELL_BYTES = 4;

/**
 * Collects the readings of one group commit. Its memory is bounded by the group: the broker takes it at
 * `LIMITS.recordReadings` or `LIMITS.recordBytes`, and one payload adds at most `LIMITS.packReadings`.
 */
export class GroupBuilder implements GroupBuilderPort, Aside {
  readonly #routes: TopicRoutes;
  #setAside: SetAside[] = [];
  #asideBytes = 0;
  #readings = 0;
  #bytes = 0;
  #topic = '';
  #stream = '';
  /** Of the payload at hand: the time of a reading would be that of its arrival, which nobody knows. */
  #timeless = false;
  readonly #untimed: Set<string>;
  readonly #hold: () => HeldStamp | null;

  /** `hold` tells under what a reading is held that came at an unknown time; null sets it aside. */
  constructor(site: Site, hold: () => HeldStamp | null = () => null) {
    this.#routes = new TopicRoutes(site);
    this.#untimed = new Set(
      site.streams.flatMap(({ name, timeField }) => (timeField === null ? [name] : [])),
    );
    this.#hold = hold;
  }

  get readings(): number {
    return this.#readings;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get setAsideCount(): number {
    return this.#setAside.length;
  }

  matches(topic: string): boolean {
    return this.#routes.of(topic) !== null;
  }

  /** HOT */
  add(topic: string, payload: Uint8Array, arrivalMs: number): void {
    const route = this.#routes.of(topic);
    if (route === null) return;
    this.#topic = topic;
    this.#stream = route.stream;
    this.#timeless = Number.isNaN(arrivalMs) && this.#untimed.has(route.stream);
    const { batch } = route;
    const rows = batch.rows;
    const dictionaryBytes = batch.dictionaryBytes;
    route.fill.aim(this.#routes.levels);
    route.readings.read(payload, route.fill, Math.trunc(arrivalMs), this);
    const added = batch.rows - rows;
    this.#readings += added;
    this.#bytes += added * CELL_BYTES * (batch.columns.length + 2) + batch.dictionaryBytes - dictionaryBytes;
  }

  /** One reading, or one payload that cannot be split, that the codec could not take. */
  setAside(reason: QuarantineReason, payload: Uint8Array, from: number, to: number): void {
    const room = Math.min(LIMITS.quarantinePayloadBytes, Math.max(0, ASIDE_BYTES - this.#asideBytes));
    // Only whole: it is going to be read again.
    const holds = this.#timeless && reason === 'clock' && to - from + HELD_BYTES <= room;
    const stamp = holds ? this.#hold() : null;
    // A copy: the payload is a view of the socket's buffer, which is not ours to keep.
    const kept =
      stamp === null
        ? new Uint8Array(payload.subarray(from, Math.min(to, from + room)))
        : heldPayload(stamp, payload.subarray(from, to));
    this.#asideBytes += kept.length;
    this.#bytes += kept.length + ASIDE_OVERHEAD;
    // The record holds a topic once, and messages of one topic mostly come together.
    if (this.#topic !== this.#setAside.at(-1)?.topic) this.#bytes += this.#topic.length;
    this.#setAside.push({
      stream: this.#stream,
      reason: stamp === null ? reason : 'held',
      topic: this.#topic,
      payload: kept,
      payloadBytes: to - from,
    });
  }

  take(seq: number, wallMs: number, clockTrusted: boolean): LogRecord {
    const record: LogRecord = {
      seq,
      wallMs,
      clockTrusted,
      layouts: [],
      sections: [],
      setAside: this.#setAside,
    };
    const arrived: WrittenRows[] = [];
    for (const batch of this.#routes.batches) {
      if (batch.rows > 0) {
        const rows = rowsOf(batch, record.layouts.push(batch.layout) - 1);
        const { keyHashes: _, ...written } = rows;
        arrived.push(written);
        for (const section of cutSections(rows, cutByShard(rows))) record.sections.push(section);
      }
      batch.restart();
    }
    keepArrivalOrder(record, arrived);
    this.#setAside = [];
    this.#asideBytes = 0;
    this.#readings = 0;
    this.#bytes = 0;
    return record;
  }
}

function rowsOf(batch: Batch, layout: number): Rows {
  const { keys } = batch;
  return {
    layout,
    rows: batch.rows,
    times: batch.times,
    keyIds: batch.keyIds,
    keyBytes: keys.bytes,
    keyEnds: keys.ends,
    keyHashes: keys.hashes,
    keys: keys.size,
    columns: batch.columns.map(({ values, dictionary, texts }) => ({
      values,
      entries: dictionary === null ? 0 : dictionary.size,
      text: dictionary === null ? null : (entry) => (texts[entry] ??= dictionary.text(entry)),
    })),
  };
}
