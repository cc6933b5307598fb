import { LIMITS } from '../limits.ts';

/**
 * Walks over JSON (RFC 8259) in bytes without building anything. Every function takes a position and gives the one
 * after what it walked over, or `BROKEN`. The text must be followed by a NUL: no JSON holds one, so every loop stops
 * there and none has to compare with the end.
 */

export const BROKEN = -1;

const QUOTE = 34;
const BACKSLASH = 92;

export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === 32 || byte === 10 || byte === 13 || byte === 9; byte = bytes[++at]);
  return at;
}

/** From the byte after the opening quote to the one after the closing quote. */
export function skipString(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte < 32) return BROKEN;
    if (byte === BACKSLASH) {
      at = skipEscape(bytes, at + 1);
      if (at === BROKEN) return BROKEN;
    } else at++;
  }
}

function skipEscape(bytes: Uint8Array, at: number): number {
  switch (bytes[at]) {
    case 34: // "
    case 47: // /
    case 92: // \
    case 98: // b
    case 102: // f
    case 110: // n
    case 114: // r
    case 116: // t
      return at + 1;
    case 117: // u
      for (let digit = 1; digit <= 4; digit++) if (!isHex(bytes[at + digit])) return BROKEN;
      return at + 5;
    default:
      return BROKEN;
  }
}

function isHex(byte: number): boolean {
  const letter = byte | 32;
  return (byte >= 48 && byte <= 57) || (letter >= 97 && letter <= 102);
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

export function skipNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === 45 ? from + 1 : from;
  if (bytes[at] === 48) at++;
  else if (isDigit(bytes[at])) at = skipDigits(bytes, at);
  else return BROKEN;
  if (bytes[at] === 46) {
    if (!isDigit(bytes[at + 1])) return BROKEN;
    at = skipDigits(bytes, at + 1);
  }
  if ((bytes[at] | 32) === 101) {
    at++;
    if (bytes[at] === 43 || bytes[at] === 45) at++;
    if (!isDigit(bytes[at])) return BROKEN;
    at = skipDigits(bytes, at);
  }
  return at;
}

function skipDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  return at;
}

/** `true`, `false` or `null` by its first letter. */
export function skipWord(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  // t r u e | f a l s e | n u l l
  if (byte === 116)
    return bytes[at + 1] === 114 && bytes[at + 2] === 117 && bytes[at + 3] === 101 ? at + 4 : BROKEN;
  if (byte === 110)
    return bytes[at + 1] === 117 && bytes[at + 2] === 108 && bytes[at + 3] === 108 ? at + 4 : BROKEN;
  if (byte !== 102 || bytes[at + 1] !== 97 || bytes[at + 2] !== 108) return BROKEN;
  return bytes[at + 3] === 115 && bytes[at + 4] === 101 ? at + 5 : BROKEN;
}

/** Any value, which stands `depth` containers deep; deeper than `LIMITS.jsonDepth` is broken. */
export function skipValue(bytes: Uint8Array, at: number, depth: number): number {
  const byte = bytes[at];
  if (byte === QUOTE) return skipString(bytes, at + 1);
  if (byte === 123) return depth < LIMITS.jsonDepth ? skipObject(bytes, at + 1, depth + 1) : BROKEN;
  if (byte === 91) return depth < LIMITS.jsonDepth ? skipArray(bytes, at + 1, depth + 1) : BROKEN;
  return byte === 45 || isDigit(byte) ? skipNumber(bytes, at) : skipWord(bytes, at);
}

function skipArray(bytes: Uint8Array, from: number, depth: number): number {
  let at = skipSpace(bytes, from);
  if (bytes[at] === 93) return at + 1;
  for (;;) {
    at = skipValue(bytes, at, depth);
    if (at === BROKEN) return BROKEN;
    at = skipSpace(bytes, at);
    if (bytes[at] === 93) return at + 1;
    if (bytes[at] !== 44) return BROKEN;
    at = skipSpace(bytes, at + 1);
  }
}

function skipObject(bytes: Uint8Array, from: number, depth: number): number {
  let at = skipSpace(bytes, from);
  if (bytes[at] === 125) return at + 1;
  for (;;) {
    if (bytes[at] !== QUOTE) return BROKEN;
    at = skipString(bytes, at + 1);
    if (at === BROKEN) return BROKEN;
    at = skipSpace(bytes, at);
    if (bytes[at] !== 58) return BROKEN;
    at = skipValue(bytes, skipSpace(bytes, at + 1), depth);
    if (at === BROKEN) return BROKEN;
    at = skipSpace(bytes, at);
    if (bytes[at] === 125) return at + 1;
    if (bytes[at] !== 44) return BROKEN;
    at = skipSpace(bytes, at + 1);
  }
}
