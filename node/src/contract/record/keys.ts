import { LIMITS } from '../limits.ts';
import { hashBytes } from '../reading/shard-of.ts';
import { type Inputs, type Outputs, readNumbers, writeNumbers } from './numbers.ts';
import { floats, integers, bytes as lent } from './scratch.ts';

/** A dictionary of keys: bytes one after the other, with the end of each. */
export interface Keys {
  count: number;
  bytes: Uint8Array;
  ends: Uint32Array;
}

/** Each key as what it shares with the one before and the rest. */
const FRONT = 0;
/** All keys are one prefix and a number of the same width, as most fleets number their devices. */
const NUMBERED = 1;
/** The same without leading zeros. */
const NUMBERED_FREE = 2;

const MAX_DIGITS = 15;

export function writeKeys(out: Outputs, keys: Keys): void {
  const { body } = out;
  const prefix = keys.count === 0 ? -1 : prefixBeforeDigits(keys);
  const form = prefix < 0 ? FRONT : numberedForm(keys, prefix);
  body.byte(form);
  if (form === FRONT) {
    writeFront(out, keys);
    return;
  }
  body.varint(prefix);
  body.slice(keys.bytes, 0, prefix);
  if (form === NUMBERED) body.varint(keys.ends[0] - prefix);
  const numbers = new Float64Array(keys.count);
  for (let key = 0, from = 0; key < keys.count; from = keys.ends[key++]) {
    let number = 0;
    for (let at = from + prefix; at < keys.ends[key]; at++) number = number * 10 + keys.bytes[at] - 48;
    numbers[key] = number;
  }
  writeNumbers(out, numbers, keys.count);
}

/** Length of the first key without the digits at its end; -1 when it has none. */
function prefixBeforeDigits(keys: Keys): number {
  const end = keys.ends[0];
  let at = end;
  while (at > 0 && end - at < MAX_DIGITS && isDigit(keys.bytes[at - 1])) at--;
  return at === end ? -1 : at;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

/** HOT */
function numberedForm(keys: Keys, prefix: number): number {
  const { bytes, ends } = keys;
  let sameWidth = true;
  let canonical = true;
  for (let key = 0, from = 0; key < keys.count; from = ends[key++]) {
    const digits = ends[key] - from - prefix;
    if (digits < 1 || digits > MAX_DIGITS) return FRONT;
    for (let at = 0; at < prefix; at++) if (bytes[from + at] !== bytes[at]) return FRONT;
    for (let at = from + prefix; at < ends[key]; at++) if (!isDigit(bytes[at])) return FRONT;
    if (digits !== ends[0] - prefix) sameWidth = false;
    if (digits > 1 && bytes[from + prefix] === 48) canonical = false;
  }
  return sameWidth ? NUMBERED : canonical ? NUMBERED_FREE : FRONT;
}

function writeFront(out: Outputs, keys: Keys): void {
  const { bytes, ends, count } = keys;
  const shared = new Float64Array(count);
  const rest = new Float64Array(count);
  for (let key = 0, from = 0, before = 0; key < count; before = from, from = ends[key++]) {
    const most = key === 0 ? 0 : Math.min(from - before, ends[key] - from);
    let same = 0;
    while (same < most && bytes[before + same] === bytes[from + same]) same++;
    shared[key] = same;
    rest[key] = ends[key] - from - same;
  }
  writeNumbers(out, shared, count);
  writeNumbers(out, rest, count);
  for (let key = 0, from = 0; key < count; from = ends[key++])
    out.body.slice(bytes, from + shared[key], ends[key]);
}

export interface ReadKeys extends Keys {
  hashes: Uint32Array;
}

/** The arrays are lent: they hold until the next record. */
export function readKeys(from: Inputs, count: number): ReadKeys {
  const form = from.body.byte();
  const keys = form === FRONT ? readFront(from, count) : readNumbered(from, count, form);
  const hashes = integers.lend(count);
  if (from.body.failed || from.packed.failed) return { ...keys, hashes };
  const { bytes, ends } = keys;
  for (let key = 0, start = 0; key < count; start = ends[key++])
    hashes[key] = hashBytes(bytes, start, ends[key]);
  return { ...keys, hashes };
}

function readFront(from: Inputs, count: number): Keys {
  const { body } = from;
  const shared = floats.lend(count);
  const rest = floats.lend(count);
  const ends = integers.lend(count);
  readNumbers(from, shared, count);
  readNumbers(from, rest, count);
  let length = 0;
  for (let key = 0, before = 0; key < count; key++) {
    const own = shared[key] + rest[key];
    if (!(isCount(shared[key]) && isCount(rest[key]) && shared[key] <= before && own <= LIMITS.keyBytes)) {
      body.fail();
      break;
    }
    length += own;
    ends[key] = length;
    before = own;
  }
  if (body.failed || from.packed.failed) return { count, bytes: lent.lend(0), ends };
  const bytes = lent.lend(length);
  for (let key = 0, start = 0, before = 0; key < count; key++) {
    for (let at = 0; at < shared[key]; at++) bytes[start + at] = bytes[before + at];
    bytes.set(body.slice(rest[key]), start + shared[key]);
    before = start;
    start = ends[key];
  }
  return { count, bytes, ends };
}

function isCount(value: number): boolean {
  return value >= 0 && Math.floor(value) === value;
}

/** HOT */
function readNumbered(from: Inputs, count: number, form: number): Keys {
  const { body } = from;
  const prefix = body.slice(body.count(LIMITS.keyBytes));
  const width = form === NUMBERED ? body.count(MAX_DIGITS) : 0;
  const numbers = floats.lend(count);
  readNumbers(from, numbers, count);
  const ends = integers.lend(count);
  const bytes = lent.lend(count * (prefix.length + (width > 0 ? width : MAX_DIGITS)));
  if (form !== NUMBERED && form !== NUMBERED_FREE) body.fail();
  let end = 0;
  for (let key = 0; key < count; key++) {
    const number = numbers[key];
    if (!(number >= 0 && number < 1e15 && Math.floor(number) === number)) {
      body.fail();
      break;
    }
    for (let at = 0; at < prefix.length; at++) bytes[end++] = prefix[at];
    end += width > 0 ? width : digitsOf(number);
    ends[key] = end;
    writeDigits(bytes, end, width > 0 ? width : digitsOf(number), number);
  }
  return { count, bytes, ends };
}

/** Digits from the last one on; in 32-bit steps, since division of doubles costs several times as much. HOT */
function writeDigits(bytes: Uint8Array, end: number, digits: number, number: number): void {
  let at = end;
  const first = end - digits;
  const high = number >= 1e9 ? Math.floor(number / 1e9) : 0;
  let rest = (number - high * 1e9) | 0;
  if (high > 0) {
    for (const stop = Math.max(first, end - 9); at > stop; rest = (rest / 10) | 0)
      bytes[--at] = 48 + (rest % 10);
    rest = high | 0;
  }
  for (; at > first; rest = (rest / 10) | 0) bytes[--at] = 48 + (rest % 10);
}

function digitsOf(number: number): number {
  let digits = 1;
  for (let most = 10; number >= most; most *= 10) digits++;
  return digits;
}
