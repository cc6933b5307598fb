import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../limits.ts';
import type { Batch } from '../reading/batch.ts';
import type { QuarantineReason } from '../reading/section.ts';
import { hashBytes } from '../reading/shard-of.ts';
import type { TopicFill } from '../reading/topic-fill.ts';
import type { SourceSpec, StreamSpec } from '../site/model.ts';
import { isStrictDecimal, scaledDecimal } from './decimal.ts';
import { epochTime, epochTimeOfInteger, TIME_MALFORMED, textTime } from './event-time.ts';
import { CLOCK, FAULTS, IMPOSSIBLE, keyFault, MALFORMED, NONE } from './faults.ts';
import { BROKEN, skipNumber, skipSpace, skipString, skipValue, skipWord } from './json-scan.ts';
import { BOOL, KEY, NUMBER, OTHER, type Slot, slotsOf, TEXT, TIME } from './json-slots.ts';

/**
 * JSON payloads of one source straight into the columns of its stream, without objects or strings between: JSON.parse
 * and a walk over what it builds cost three times as much. One object is a reading, an array of them is a pack. A bad
 * object of a pack is set aside alone; a payload that is not JSON is set aside whole, and leaves nothing behind.
 */

/** Where readings that are no good go. */
export interface Aside {
  setAside(reason: QuarantineReason, payload: Uint8Array, from: number, to: number): void;
}

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const COLON = 58;
const BACKSLASH = 92;
const NULL = 110;

/** Integers of so many digits are exact in a double while they are read. */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);
const SLOT_OTHER: Slot = {
  kind: OTHER,
  name: new Uint8Array(0),
  plain: false,
  decimals: 0,
  column: null,
  fault: 0,
};

/** The payload under way, with the NUL that ends every loop. Shared: reading a payload is one synchronous step. */
const bytes = new Uint8Array(LIMITS.payloadBytes + 16);

export class JsonReadings {
  readonly #batch: Batch;
  readonly #slots: Slot[];
  readonly #keyInPayload: boolean;
  readonly #timeInPayload: boolean;
  /** Slots in the order of the newest object's names: the next object most likely has the same order. */
  readonly #order: Slot[] = [];
  #slot: Slot = SLOT_OTHER;
  #row = 0;
  #faulty = false;
  /** All bytes of strings or-ed: past 127 the payload must be checked to be UTF-8. */
  #high = 0;
  /** The string read last; in `bytes`, unless escapes had to be resolved. */
  #text: Uint8Array = bytes;
  #textFrom = 0;
  #textTo = 0;
  #textWhole = true;
  #key: Uint8Array = bytes;
  #keyFrom = 0;
  #keyTo = -1;
  #time = Number.NaN;
  readonly #badFrom: number[] = [];
  readonly #badTo: number[] = [];
  readonly #badFault: number[] = [];

  constructor(stream: StreamSpec, source: SourceSpec, batch: Batch) {
    this.#batch = batch;
    this.#slots = slotsOf(stream, source, batch);
    this.#keyInPayload = this.#slots.some((slot) => slot.kind === KEY);
    this.#timeInPayload = this.#slots.some((slot) => slot.kind === TIME);
  }

  read(payload: Uint8Array, fill: TopicFill, arrivalMs: number, aside: Aside): void {
    const { length } = payload;
    const { keys, rows } = this.#batch;
    const mark = keys.size;
    fill.enter();
    this.#row = rows;
    this.#high = 0;
    this.#badFault.length = 0;
    let end = BROKEN;
    if (length <= LIMITS.payloadBytes) {
      bytes.set(payload);
      bytes[length] = 0;
      end = this.#payload(fill, arrivalMs);
    }
    if (end !== BROKEN && skipSpace(bytes, end) === length && (this.#high < 128 || isUtf8(payload))) {
      this.#batch.rows = this.#row;
      for (let bad = 0; bad < this.#badFault.length; bad++) {
        aside.setAside(FAULTS[this.#badFault[bad]], payload, this.#badFrom[bad], this.#badTo[bad]);
      }
      return;
    }
    keys.truncate(mark);
    aside.setAside('malformed', payload, 0, length);
  }

  #payload(fill: TopicFill, arrivalMs: number): number {
    let at = skipSpace(bytes, 0);
    if (bytes[at] === 123) return this.#object(at, 1, fill, arrivalMs);
    if (bytes[at] !== 91) return BROKEN;
    at = skipSpace(bytes, at + 1);
    for (let readings = 1; readings <= LIMITS.packReadings; readings++) {
      const from = at;
      if (bytes[at] === 123) at = this.#object(at, 2, fill, arrivalMs);
      else {
        at = this.#other(at, 1);
        if (at !== BROKEN) this.#bad(MALFORMED, from, at);
      }
      if (at === BROKEN) return BROKEN;
      at = skipSpace(bytes, at);
      if (bytes[at] === 93) return at + 1;
      if (bytes[at] !== COMMA) return BROKEN;
      at = skipSpace(bytes, at + 1);
    }
    return BROKEN;
  }

  /** HOT */
  #object(from: number, depth: number, fill: TopicFill, arrivalMs: number): number {
    this.#begin(fill, arrivalMs);
    let at = skipSpace(bytes, from + 1);
    let ordinal = 0;
    if (bytes[at] === 125) return this.#end(from, at + 1, fill, arrivalMs);
    for (;;) {
      if (bytes[at] !== QUOTE) return BROKEN;
      at = this.#name(at + 1, ordinal++);
      if (at === BROKEN) return BROKEN;
      if (bytes[at] !== COLON) {
        at = skipSpace(bytes, at);
        if (bytes[at] !== COLON) return BROKEN;
      }
      at++;
      if (bytes[at] <= 32) at = skipSpace(bytes, at);
      at = this.#value(at, depth);
      if (at === BROKEN) return BROKEN;
      if (bytes[at] <= 32) at = skipSpace(bytes, at);
      if (bytes[at] === 125) return this.#end(from, at + 1, fill, arrivalMs);
      if (bytes[at] !== COMMA) return BROKEN;
      at++;
      if (bytes[at] <= 32) at = skipSpace(bytes, at);
    }
  }

  #begin(fill: TopicFill, arrivalMs: number): void {
    const row = this.#row;
    this.#batch.reserve(row);
    const { columns } = this.#batch;
    for (let at = 0; at < columns.length; at++) columns[at].values[row] = columns[at].absent;
    for (let at = 0; at < fill.columns.length; at++) fill.columns[at].values[row] = fill.entries[at];
    this.#keyTo = -1;
    this.#time = this.#timeInPayload ? Number.NaN : Number.isNaN(fill.time) ? arrivalMs : fill.time;
    if (!this.#faulty) return;
    for (const slot of this.#slots) slot.fault = NONE;
    this.#faulty = false;
  }

  /** Makes the row count, or sets the object aside. HOT */
  #end(from: number, to: number, fill: TopicFill, arrivalMs: number): number {
    let fault = fill.fault;
    if (this.#faulty) {
      for (const slot of this.#slots)
        if (slot.fault !== NONE && (fault === NONE || slot.fault < fault)) fault = slot.fault;
    }
    if ((this.#keyInPayload && this.#keyTo < 0) || Number.isNaN(this.#time)) {
      // Without a fault of its own a name that gave no value was absent or null.
      fault = this.#missing(fault);
    }
    if (fault === NONE && this.#time > arrivalMs + LIMITS.futureMs) fault = CLOCK;
    if (fault !== NONE) {
      this.#bad(fault, from, to);
      return to;
    }
    const batch = this.#batch;
    const row = this.#row++;
    batch.times[row] = this.#time;
    batch.keyIds[row] = this.#keyInPayload
      ? batch.keys.intern(
          this.#key,
          this.#keyFrom,
          this.#keyTo,
          hashBytes(this.#key, this.#keyFrom, this.#keyTo),
        )
      : batch.keys.intern(fill.key, 0, fill.key.length, fill.keyHash);
    return to;
  }

  #missing(fault: number): number {
    for (const slot of this.#slots) {
      const absent = slot.kind === KEY ? this.#keyTo < 0 : slot.kind === TIME && Number.isNaN(this.#time);
      if (absent && slot.fault === NONE) return MALFORMED;
    }
    return fault;
  }

  #bad(fault: number, from: number, to: number): void {
    const bad = this.#badFault.push(fault) - 1;
    this.#badFrom[bad] = from;
    this.#badTo[bad] = to;
  }

  /** Finds the slot of the name and gives the position after its closing quote. HOT */
  #name(from: number, ordinal: number): number {
    if (ordinal < this.#order.length) {
      const guess = this.#order[ordinal];
      const { name } = guess;
      const { length } = name;
      let at = 0;
      while (at < length && bytes[from + at] === name[at]) at++;
      if (at === length && bytes[from + at] === QUOTE && guess.plain) {
        this.#slot = guess;
        return from + length + 1;
      }
    }
    return this.#searchName(from, ordinal);
  }

  #searchName(from: number, ordinal: number): number {
    const end = this.#string(from);
    if (end === BROKEN) return BROKEN;
    this.#slot = SLOT_OTHER;
    for (const slot of this.#slots) if (this.#textIs(slot.name)) this.#slot = slot;
    // Names past this are walked over without a guess, so that a wide object cannot make the list grow.
    if (ordinal <= this.#order.length && ordinal < 64) this.#order[ordinal] = this.#slot;
    return end;
  }

  #textIs(name: Uint8Array): boolean {
    if (this.#textTo - this.#textFrom !== name.length) return false;
    for (let at = 0; at < name.length; at++) if (this.#text[this.#textFrom + at] !== name[at]) return false;
    return true;
  }

  /** HOT */
  #value(at: number, depth: number): number {
    const slot = this.#slot;
    const byte = bytes[at];
    const numeral = byte === MINUS || (byte >= 48 && byte <= 57);
    switch (slot.kind) {
      case NUMBER:
        if (numeral) return this.#number(at, slot);
        return byte === QUOTE ? this.#quotedNumber(at, slot) : this.#nullOr(at, depth, slot);
      case KEY:
        if (byte === QUOTE) return this.#stringKey(at, slot);
        return numeral ? this.#integerKey(at, slot) : this.#nullOr(at, depth, slot);
      case TIME:
        if (numeral) return this.#timeNumber(at, slot);
        return byte === QUOTE ? this.#timeText(at, slot) : this.#nullOr(at, depth, slot);
      case TEXT:
        return byte === QUOTE ? this.#textValue(at, slot) : this.#nullOr(at, depth, slot);
      case BOOL:
        return this.#bool(at, depth, slot);
      default:
        return this.#other(at, depth);
    }
  }

  #other(at: number, depth: number): number {
    const byte = bytes[at];
    if (byte === QUOTE) return this.#string(at + 1);
    // What is nested is walked over without a look at its bytes, so the payload is checked whole.
    if (byte === 123 || byte === 91) this.#high = 128;
    return skipValue(bytes, at, depth);
  }

  /** Null is absent; anything else here is of a wrong type. */
  #nullOr(at: number, depth: number, slot: Slot): number {
    if (bytes[at] !== NULL) {
      this.#fail(slot, MALFORMED);
      return this.#other(at, depth);
    }
    slot.fault = NONE;
    if (slot.kind === KEY) this.#keyTo = -1;
    else if (slot.kind === TIME) this.#time = Number.NaN;
    else slot.column!.values[this.#row] = slot.column!.absent;
    return skipWord(bytes, at);
  }

  #fail(slot: Slot, fault: number): void {
    slot.fault = fault;
    this.#faulty = true;
  }

  /** A number in the plain notation; one that is long or has an exponent goes digit by digit. HOT */
  #number(from: number, slot: Slot): number {
    const negative = bytes[from] === MINUS;
    const first = negative ? from + 1 : from;
    let at = first;
    let value = 0;
    let digit = bytes[at] - 48;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = bytes[++at] - 48;
    }
    let digits = at - first;
    if (digits === 0 || (digits > 1 && bytes[first] === 48)) return BROKEN;
    let shift = slot.decimals;
    if (digit === -2) {
      const point = at;
      digit = bytes[++at] - 48;
      while (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digit = bytes[++at] - 48;
      }
      const fraction = at - point - 1;
      if (fraction === 0) return BROKEN;
      digits += fraction;
      shift -= fraction;
    }
    if (digits > EXACT_DIGITS || (bytes[at] | 32) === 101) return this.#longNumber(from, slot);
    if (shift > 0) value *= POWERS[shift];
    else if (shift < 0) value = roundedQuotient(value, POWERS[-shift]);
    this.#keep(slot, negative && value !== 0 ? -value : value);
    return at;
  }

  #keep(slot: Slot, value: number): void {
    if (value > LIMITS.scaledMax || value < -LIMITS.scaledMax) {
      this.#fail(slot, IMPOSSIBLE);
      return;
    }
    slot.column!.values[this.#row] = value;
    slot.fault = NONE;
  }

  #longNumber(from: number, slot: Slot): number {
    const end = skipNumber(bytes, from);
    if (end !== BROKEN) this.#keep(slot, scaledDecimal(bytes, from, end, slot.decimals));
    return end;
  }

  #quotedNumber(at: number, slot: Slot): number {
    const end = this.#string(at + 1);
    if (end === BROKEN) return BROKEN;
    const text = this.#text;
    if (isStrictDecimal(text, this.#textFrom, this.#textTo)) {
      this.#keep(slot, scaledDecimal(text, this.#textFrom, this.#textTo, slot.decimals));
    } else this.#fail(slot, this.#isNotFinite() ? IMPOSSIBLE : MALFORMED);
    return end;
  }

  /** "NaN", "Infinity" and "-inf" are numbers that cannot be, rather than something else than a number. */
  #isNotFinite(): boolean {
    return this.#textTo - this.#textFrom <= 9 && /^(nan|[+-]?inf(inity)?)$/i.test(this.#asString());
  }

  #asString(): string {
    return Buffer.from(this.#text.buffer, this.#text.byteOffset, this.#text.length).toString(
      'latin1',
      this.#textFrom,
      this.#textTo,
    );
  }

  #bool(at: number, depth: number, slot: Slot): number {
    const byte = bytes[at];
    if (byte === 116 || byte === 102) {
      this.#keep(slot, byte === 116 ? 1 : 0);
      return skipWord(bytes, at);
    }
    if (byte === QUOTE) {
      const end = this.#string(at + 1);
      if (end === BROKEN) return BROKEN;
      const word = this.#textTo - this.#textFrom <= 3 ? this.#asString().toLowerCase() : '';
      if (word === 'on' || word === 'off') this.#keep(slot, word === 'on' ? 1 : 0);
      else this.#fail(slot, MALFORMED);
      return end;
    }
    if (byte !== MINUS && !(byte >= 48 && byte <= 57)) return this.#nullOr(at, depth, slot);
    const end = this.#number(at, slot);
    const value = slot.column!.values[this.#row];
    // A fraction is rounded to a whole number on its way, so the text itself is asked, too.
    if (slot.fault !== NONE || (value !== 0 && value !== 1) || end - at !== 1) this.#fail(slot, MALFORMED);
    return end;
  }

  /** HOT */
  #stringKey(at: number, slot: Slot): number {
    const end = this.#string(at + 1);
    if (end === BROKEN) return BROKEN;
    const fault = keyFault(this.#text, this.#textFrom, this.#textTo);
    if (fault !== NONE || !this.#textWhole) {
      this.#fail(slot, fault === NONE ? IMPOSSIBLE : fault);
      return end;
    }
    slot.fault = NONE;
    this.#key = this.#text;
    this.#keyFrom = this.#textFrom;
    this.#keyTo = this.#textTo;
    return end;
  }

  /** A whole number is a key by its digits, however many; -0 is 0. */
  #integerKey(at: number, slot: Slot): number {
    const end = skipNumber(bytes, at);
    if (end === BROKEN) return BROKEN;
    let from = bytes[at] === MINUS ? at + 1 : at;
    for (let digit = from; digit < end; digit++) {
      if (bytes[digit] >= 48 && bytes[digit] <= 57) continue;
      this.#fail(slot, MALFORMED);
      return end;
    }
    if (bytes[from] !== 48) from = at;
    if (end - from > LIMITS.keyBytes) {
      this.#fail(slot, IMPOSSIBLE);
      return end;
    }
    slot.fault = NONE;
    this.#key = bytes;
    this.#keyFrom = from;
    this.#keyTo = end;
    return end;
  }

  /** HOT */
  #timeNumber(from: number, slot: Slot): number {
    let at = from;
    let value = 0;
    let digit = bytes[at] - 48;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = bytes[++at] - 48;
    }
    // Nought at the front, a sign, a point, an exponent or many digits: the careful way.
    if (at - from > EXACT_DIGITS || bytes[from] <= 48 || digit === -2 || (bytes[at] | 32) === 101) {
      const end = skipNumber(bytes, from);
      if (end !== BROKEN) this.#keepTime(slot, epochTime(bytes, from, end));
      return end;
    }
    this.#keepTime(slot, epochTimeOfInteger(value));
    return at;
  }

  #timeText(at: number, slot: Slot): number {
    const end = this.#string(at + 1);
    if (end !== BROKEN) this.#keepTime(slot, textTime(this.#text, this.#textFrom, this.#textTo));
    return end;
  }

  #keepTime(slot: Slot, time: number): void {
    if (time < 0) this.#fail(slot, time === TIME_MALFORMED ? MALFORMED : IMPOSSIBLE);
    else {
      this.#time = time;
      slot.fault = NONE;
    }
  }

  /** HOT */
  #textValue(at: number, slot: Slot): number {
    const end = this.#string(at + 1);
    if (end === BROKEN) return BROKEN;
    const from = this.#textFrom;
    const to = this.#textTo;
    if (to - from > LIMITS.textBytes) {
      this.#fail(slot, IMPOSSIBLE);
      return end;
    }
    const column = slot.column!;
    column.values[this.#row] =
      1 + column.dictionary!.intern(this.#text, from, to, hashBytes(this.#text, from, to));
    slot.fault = NONE;
    return end;
  }

  /** From the byte after the opening quote; leaves where the text lies. HOT */
  #string(from: number): number {
    let at = from;
    let high = 0;
    for (;;) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte < 32) return BROKEN;
      if (byte === BACKSLASH) return this.#escapedString(from);
      high |= byte;
      at++;
    }
    this.#high |= high;
    this.#text = bytes;
    this.#textFrom = from;
    this.#textTo = at;
    this.#textWhole = true;
    return at + 1;
  }

  #escapedString(from: number): number {
    const end = skipString(bytes, from);
    if (end === BROKEN) return BROKEN;
    this.#high = 128;
    // The grammar was checked, so this cannot throw.
    const text: string = JSON.parse(Buffer.from(bytes.buffer, from - 1, end - from + 1).toString());
    this.#text = new TextEncoder().encode(text);
    this.#textFrom = 0;
    this.#textTo = this.#text.length;
    this.#textWhole = text.isWellFormed();
    return end;
  }
}

/** Half away from nought; both are whole, and the quotient of 15 digits is exact enough to floor. HOT */
function roundedQuotient(value: number, divisor: number): number {
  const quotient = Math.floor(value / divisor);
  return (value - quotient * divisor) * 2 >= divisor ? quotient + 1 : quotient;
}
