import { LIMITS } from '../limits.ts';
import type { Batch } from '../reading/batch.ts';
import { hashBytes } from '../reading/shard-of.ts';
import type { TopicFill } from '../reading/topic-fill.ts';
import type { SourceSpec, StreamSpec } from '../site/model.ts';
import { isStrictDecimal, scaledIn } from './decimal.ts';
import { epochTime, epochTimeOfInteger, TIME_MALFORMED, textTime } from './event-time.ts';
import { clockFault, IMPOSSIBLE, keyFault, MALFORMED, NONE } from './faults.ts';
import { BROKEN, skipNumber, skipSpace, skipValue, skipWord } from './json-scan.ts';
import { BOOL, KEY, NUMBER, OTHER, type Slot, slotsOf, TEXT, TIME } from './json-slots.ts';
import { JsonText, payloadBytes } from './json-text.ts';

/** A binding of its own: the engine folds it into the code, which it does not do with an imported one. */
const bytes = payloadBytes;

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const COLON = 58;
const NULL = 110;

/** Integers of so many digits are exact in a double while they are read. */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);
/** Names whose place in the object is remembered; a wide object must not make the list grow. */
const ORDINALS = 64;

const SLOT_OTHER: Slot = {
  kind: OTHER,
  name: new Uint8Array(0),
  plain: false,
  decimals: 0,
  multiplier: null,
  column: null,
  fault: NONE,
};

/**
 * One object of a payload into the next row of its stream. A name that comes twice counts as it came last, as with
 * JSON.parse, so a fault belongs to the newest value of its name and is only looked at when the object ends.
 */
export class ObjectReader {
  readonly text = new JsonText();
  /** The row that the next object fills; it moves past an object that is good. */
  row = 0;
  /** The fault of the newest object. */
  fault = NONE;
  readonly #batch: Batch;
  readonly #slots: Slot[];
  readonly #keyInPayload: boolean;
  readonly #timeInPayload: boolean;
  /** Slots in the order of the newest object's names: the next object most likely has the same order. */
  readonly #order: Slot[] = [];
  #slot: Slot = SLOT_OTHER;
  #faulty = false;
  #key: Uint8Array = bytes;
  #keyFrom = 0;
  #keyTo = -1;
  #time = Number.NaN;

  constructor(stream: StreamSpec, source: SourceSpec, batch: Batch) {
    this.#batch = batch;
    this.#slots = slotsOf(stream, source, batch);
    this.#keyInPayload = this.#slots.some((slot) => slot.kind === KEY);
    this.#timeInPayload = this.#slots.some((slot) => slot.kind === TIME);
  }

  /** From the opening brace to the byte after the closing one, or BROKEN. HOT */
  read(from: number, depth: number, fill: TopicFill, arrivalMs: number): number {
    this.#begin(fill, arrivalMs);
    let at = skipSpace(bytes, from + 1);
    let ordinal = 0;
    if (bytes[at] === 125) return this.#end(at + 1, fill, arrivalMs);
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
      if (bytes[at] === 125) return this.#end(at + 1, fill, arrivalMs);
      if (bytes[at] !== COMMA) return BROKEN;
      at++;
      if (bytes[at] <= 32) at = skipSpace(bytes, at);
    }
  }

  #begin(fill: TopicFill, arrivalMs: number): void {
    const row = this.row;
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

  /** Makes the row count, unless the object has a fault. HOT */
  #end(to: number, fill: TopicFill, arrivalMs: number): number {
    let fault = fill.fault;
    if (this.#faulty) fault = this.#worst(fault);
    if ((this.#keyInPayload && this.#keyTo < 0) || Number.isNaN(this.#time)) fault = this.#missing(fault);
    // Also true when no time is known, neither the reading's nor that of its arrival.
    if (fault === NONE && !(this.#time <= arrivalMs + LIMITS.futureMs))
      fault = clockFault(this.#time, arrivalMs);
    this.fault = fault;
    if (fault !== NONE) return to;
    const batch = this.#batch;
    const row = this.row++;
    batch.times[row] = this.#time;
    if (this.#keyInPayload) {
      const hash = hashBytes(this.#key, this.#keyFrom, this.#keyTo);
      batch.keyIds[row] = batch.keys.intern(this.#key, this.#keyFrom, this.#keyTo, hash);
    } else batch.keyIds[row] = batch.keys.intern(fill.key, 0, fill.keyLength, fill.keyHash);
    return to;
  }

  #worst(of: number): number {
    let fault = of;
    for (const slot of this.#slots) {
      if (slot.fault !== NONE && (fault === NONE || slot.fault < fault)) fault = slot.fault;
    }
    return fault;
  }

  /** A name that gave no value and has no fault of its own was absent or null. */
  #missing(fault: number): number {
    for (const slot of this.#slots) {
      const absent = slot.kind === KEY ? this.#keyTo < 0 : slot.kind === TIME && Number.isNaN(this.#time);
      if (absent && slot.fault === NONE) return MALFORMED;
    }
    return fault;
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
    const end = this.text.read(from);
    if (end === BROKEN) return BROKEN;
    this.#slot = SLOT_OTHER;
    for (const slot of this.#slots) if (this.text.is(slot.name)) this.#slot = slot;
    if (ordinal <= this.#order.length && ordinal < ORDINALS) this.#order[ordinal] = this.#slot;
    return end;
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
        return this.skipOther(at, depth);
    }
  }

  skipOther(at: number, depth: number): number {
    const byte = bytes[at];
    if (byte === QUOTE) return this.text.read(at + 1);
    // What is nested is walked over without a look at its bytes, so the payload is checked whole.
    if (byte === 123 || byte === 91) this.text.high = 128;
    return skipValue(bytes, at, depth);
  }

  /** Null is absent; anything else here is of a wrong type. */
  #nullOr(at: number, depth: number, slot: Slot): number {
    if (bytes[at] !== NULL) {
      this.#fail(slot, MALFORMED);
      return this.skipOther(at, depth);
    }
    slot.fault = NONE;
    if (slot.kind === KEY) this.#keyTo = -1;
    else if (slot.kind === TIME) this.#time = Number.NaN;
    else slot.column!.values[this.row] = slot.column!.absent;
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
    if (digits > EXACT_DIGITS || (bytes[at] | 32) === 101 || slot.multiplier !== null)
      return this.#longNumber(from, slot);
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
    slot.column!.values[this.row] = value;
    slot.fault = NONE;
  }

  #longNumber(from: number, slot: Slot): number {
    const end = skipNumber(bytes, from);
    if (end !== BROKEN) this.#keep(slot, scaledIn(bytes, from, end, slot));
    return end;
  }

  #quotedNumber(at: number, slot: Slot): number {
    const end = this.text.read(at + 1);
    if (end === BROKEN) return BROKEN;
    const text = this.text.bytes;
    if (isStrictDecimal(text, this.text.from, this.text.to)) {
      this.#keep(slot, scaledIn(text, this.text.from, this.text.to, slot));
    } else this.#fail(slot, this.#isNotFinite() ? IMPOSSIBLE : MALFORMED);
    return end;
  }

  /** "NaN", "Infinity" and "-inf" are numbers that cannot be, rather than something else than a number. */
  #isNotFinite(): boolean {
    return this.text.to - this.text.from <= 9 && /^(nan|[+-]?inf(inity)?)$/i.test(this.text.lowerCase());
  }

  #bool(at: number, depth: number, slot: Slot): number {
    const byte = bytes[at];
    if (byte === 116 || byte === 102) {
      this.#keep(slot, byte === 116 ? 1 : 0);
      return skipWord(bytes, at);
    }
    if (byte === QUOTE) {
      const end = this.text.read(at + 1);
      if (end === BROKEN) return BROKEN;
      const word = this.text.to - this.text.from <= 3 ? this.text.lowerCase() : '';
      if (word === 'on' || word === 'off') this.#keep(slot, word === 'on' ? 1 : 0);
      else this.#fail(slot, MALFORMED);
      return end;
    }
    if (byte !== MINUS && !(byte >= 48 && byte <= 57)) return this.#nullOr(at, depth, slot);
    const end = this.#number(at, slot);
    const value = slot.column!.values[this.row];
    // A fraction is rounded to a whole number on its way, so the text itself is asked, too.
    if (slot.fault !== NONE || (value !== 0 && value !== 1) || end - at !== 1) this.#fail(slot, MALFORMED);
    return end;
  }

  /** HOT */
  #stringKey(at: number, slot: Slot): number {
    const end = this.text.read(at + 1);
    if (end === BROKEN) return BROKEN;
    const fault = keyFault(this.text.bytes, this.text.from, this.text.to);
    if (fault !== NONE || !this.text.wellFormed) {
      this.#fail(slot, fault === NONE ? IMPOSSIBLE : fault);
      return end;
    }
    slot.fault = NONE;
    this.#key = this.text.bytes;
    this.#keyFrom = this.text.from;
    this.#keyTo = this.text.to;
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
    const end = this.text.read(at + 1);
    if (end !== BROKEN) this.#keepTime(slot, textTime(this.text.bytes, this.text.from, this.text.to));
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
    const end = this.text.read(at + 1);
    if (end === BROKEN) return BROKEN;
    const from = this.text.from;
    const to = this.text.to;
    if (to - from > LIMITS.textBytes) {
      this.#fail(slot, IMPOSSIBLE);
      return end;
    }
    const column = slot.column!;
    column.values[this.row] =
      1 + column.dictionary!.intern(this.text.bytes, from, to, hashBytes(this.text.bytes, from, to));
    slot.fault = NONE;
    return end;
  }
}

/** Half away from nought; both are whole, and the quotient of 15 digits is exact enough to floor. HOT */
function roundedQuotient(value: number, divisor: number): number {
  const quotient = Math.floor(value / divisor);
  return (value - quotient * divisor) * 2 >= divisor ? quotient + 1 : quotient;
}
