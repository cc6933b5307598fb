import type { Slice } from './slice.ts';

/** Of one number. */
const MOST_BYTES = 10;

/** Writes whole numbers in as few bytes as they need; exact up to 2^53. One is kept and used again: `reset` first. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
  }

  bytes(from: Uint8Array): void {
    if (this.length + from.length > this.#bytes.length) this.#grow(from.length);
    this.#bytes.set(from, this.length);
    this.length += from.length;
  }

  /** A whole number ≥ 0, seven bits a byte, low bits first. HOT */
  unsigned(value: number): void {
    if (this.length + MOST_BYTES > this.#bytes.length) this.#grow(MOST_BYTES);
    this.#rest(value, this.length);
  }

  /** A whole number: the sign stands beside the lowest six bits, since doubling would lose one of 53. HOT */
  signed(value: number): void {
    if (this.length + MOST_BYTES > this.#bytes.length) this.#grow(MOST_BYTES);
    const magnitude = value < 0 ? -value : value;
    const sign = value < 0 ? 0x40 : 0;
    const at = this.length;
    if (magnitude < 64) {
      this.#bytes[at] = sign | magnitude;
      this.length = at + 1;
    } else if (magnitude <= 0x7fffffff) {
      this.#bytes[at] = 0x80 | sign | (magnitude & 0x3f);
      this.#rest(magnitude >>> 6, at + 1);
    } else {
      const high = Math.floor(magnitude / 64);
      this.#bytes[at] = 0x80 | sign | (magnitude - high * 64);
      this.#rest(high, at + 1);
    }
  }

  /** For which there is room. */
  #rest(value: number, from: number): void {
    const bytes = this.#bytes;
    let rest = value;
    let at = from;
    while (rest > 0x7fffffff) {
      const high = Math.floor(rest / 128);
      bytes[at++] = (rest - high * 128) | 0x80;
      rest = high;
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.length = at;
  }

  #grow(by: number): void {
    const wider = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + by));
    wider.set(this.#bytes);
    this.#bytes = wider;
  }
}

/**
 * Reads what `ByteWriter` wrote. Bytes come checked from the store: past the end is damage and throws. One may be kept
 * and used again: `open` first.
 */
export class ByteReader {
  #bytes: Uint8Array;
  #end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#end = bytes.length;
    this.at = at;
  }

  open({ bytes, from, to }: Slice): void {
    this.#bytes = bytes;
    this.#end = to;
    this.at = from;
  }

  get done(): boolean {
    return this.at >= this.#end;
  }

  byte(): number {
    if (this.at >= this.#end) throw new Error('stored value ends in the middle');
    return this.#bytes[this.at++];
  }

  bytes(count: number): Uint8Array {
    if (this.at + count > this.#end) throw new Error('stored value ends in the middle');
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }

  unsigned(): number {
    let byte = this.byte();
    let value = byte & 0x7f;
    let scale = 128;
    while (byte > 0x7f) {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 128;
    }
    return value;
  }

  /** A number of things to come: what is read may come from a backup, and must not make the process ask for gigabytes. */
  count(most: number): number {
    const count = this.unsigned();
    if (count > most) throw new Error(`stored value says that it has ${count} parts`);
    return count;
  }

  /** Bytes that are left: things that take a byte each cannot be more. */
  get left(): number {
    return this.#end - this.at;
  }

  signed(): number {
    const byte = this.byte();
    const low = byte & 0x3f;
    const magnitude = byte > 0x7f ? low + this.unsigned() * 64 : low;
    return (byte & 0x40) === 0 || magnitude === 0 ? magnitude : -magnitude;
  }
}
