/** Grows by doubling; reused from record to record, since a fresh megabyte for each would cost more than writing it. */
export class ByteWriter {
  bytes = Buffer.alloc(4096);
  length = 0;

  restart(): void {
    this.length = 0;
  }

  room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const bigger = Buffer.alloc(Math.max(this.bytes.length * 2, this.length + more));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }

  byte(value: number): void {
    this.room(1);
    this.bytes[this.length++] = value;
  }

  /** A whole number from 0 to 2^53, seven bits a byte, low ones first. */
  varint(value: number): void {
    this.room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.length++] = rest;
  }

  /** A whole number from -2^52 to 2^52. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  float(value: number): void {
    this.room(8);
    this.length = this.bytes.writeDoubleLE(value, this.length);
  }

  slice(source: Uint8Array, from: number, to: number): void {
    this.room(to - from);
    for (let at = from; at < to; at++) this.bytes[this.length++] = source[at];
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.varint(length);
    this.room(length);
    this.length += this.bytes.write(text, this.length);
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Widths up to this are packed in one step of 32-bit arithmetic; wider values are packed in steps of so many bits. */
export const PACK_STEP = 24;

/** Whole numbers from 0 below 2^width, packed one after the other, low bits first, from a whole byte on. HOT */
export function packBits(out: ByteWriter, values: Float64Array, count: number, width: number): void {
  if (width === 0) return;
  out.room(Math.ceil((count * width) / 8) + 4);
  const { bytes } = out;
  let at = out.length;
  let bits = 0;
  let used = 0;
  for (let row = 0; row < count; row++) {
    let value = values[row];
    for (let left = width; left > 0; left -= PACK_STEP) {
      const step = Math.min(left, PACK_STEP);
      const high = left > PACK_STEP ? Math.floor(value / 0x1000000) : 0;
      bits |= (value - high * 0x1000000) << used;
      used += step;
      while (used >= 8) {
        bytes[at++] = bits;
        bits >>>= 8;
        used -= 8;
      }
      value = high;
    }
  }
  if (used > 0) bytes[at++] = bits;
  out.length = at;
}
