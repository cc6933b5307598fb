import { LIMITS } from '../limits.ts';
import { BROKEN, skipString } from './json-scan.ts';

/** The payload under way, with the NUL that ends every loop. Shared: reading a payload is one synchronous step. */
export const payloadBytes = new Uint8Array(LIMITS.payloadBytes + 16);

const QUOTE = 34;
const BACKSLASH = 92;

/** Reads strings of the payload: where the newest one lies, and what all of them say about the payload. */
export class JsonText {
  /** The newest string is `bytes[from .. to]`: the payload itself, unless escapes had to be resolved. */
  bytes: Uint8Array = payloadBytes;
  from = 0;
  to = 0;
  /** No escape made half of a surrogate pair. */
  wellFormed = true;
  /** All bytes of strings or-ed: past 127 the payload must be checked to be UTF-8. */
  high = 0;

  /** From the byte after the opening quote to the one after the closing quote, or BROKEN. HOT */
  read(from: number): number {
    let at = from;
    let high = 0;
    for (;;) {
      const byte = payloadBytes[at];
      if (byte === QUOTE) break;
      if (byte < 32) return BROKEN;
      if (byte === BACKSLASH) return this.#readEscaped(from);
      high |= byte;
      at++;
    }
    this.high |= high;
    this.bytes = payloadBytes;
    this.from = from;
    this.to = at;
    this.wellFormed = true;
    return at + 1;
  }

  #readEscaped(from: number): number {
    const end = skipString(payloadBytes, from);
    if (end === BROKEN) return BROKEN;
    this.high = 128;
    // The grammar was checked, so this cannot throw.
    const text: string = JSON.parse(Buffer.from(payloadBytes.buffer, from - 1, end - from + 1).toString());
    this.bytes = new TextEncoder().encode(text);
    this.from = 0;
    this.to = this.bytes.length;
    this.wellFormed = text.isWellFormed();
    return end;
  }

  /** HOT */
  is(name: Uint8Array): boolean {
    if (this.to - this.from !== name.length) return false;
    for (let at = 0; at < name.length; at++) if (this.bytes[this.from + at] !== name[at]) return false;
    return true;
  }

  /** For short words whose case does not matter. */
  lowerCase(): string {
    const { buffer, byteOffset, length } = this.bytes;
    return Buffer.from(buffer, byteOffset, length).toString('latin1', this.from, this.to).toLowerCase();
  }
}
