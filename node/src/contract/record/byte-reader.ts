import { PACK_STEP } from './byte-writer.ts';

/**
 * Reads what a `ByteWriter` wrote and trusts none of it: past the end or past a bound it gives noughts and remembers
 * that it failed, so that a decoder checks once at each step that allocates, not at each byte.
 */
export class ByteReader {
  readonly bytes: Buffer;
  at = 0;
  failed = false;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  fail(): number {
    this.failed = true;
    this.at = this.bytes.length;
    return 0;
  }

  byte(): number {
    return this.at < this.bytes.length ? this.bytes[this.at++] : this.fail();
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 56; scale *= 0x80) {
      if (this.at >= this.bytes.length) return this.fail();
      const byte = this.bytes[this.at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= 2 ** 53 ? value : this.fail();
    }
    return this.fail();
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  /** A count of things that are about to be allocated. */
  count(most: number): number {
    const value = this.varint();
    return value <= most ? value : this.fail();
  }

  float(): number {
    if (this.left < 8) return this.fail();
    this.at += 8;
    return this.bytes.readDoubleLE(this.at - 8);
  }

  slice(length: number): Uint8Array {
    if (length > this.left) {
      this.fail();
      return new Uint8Array(0);
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(most: number): string {
    const length = this.count(most);
    if (length > this.left) {
      this.fail();
      return '';
    }
    this.at += length;
    return this.bytes.toString('utf8', this.at - length, this.at);
  }
}

/** The counterpart of `packBits`. The reader's bytes end in `PACK_PADDING` so that four can always be read. HOT */
export function unpackBits(reader: ByteReader, into: Float64Array, count: number, width: number): void {
  if (width === 0) {
    into.fill(0, 0, count);
    return;
  }
  const length = Math.ceil((count * width) / 8);
  if (width > MOST_BITS || length + PACK_PADDING > reader.left) {
    reader.fail();
    return;
  }
  const { bytes } = reader;
  let bit = reader.at * 8;
  const mask = 2 ** Math.min(width, PACK_STEP) - 1;
  for (let row = 0; row < count; row++) {
    let value = window(bytes, bit) & mask;
    if (width > PACK_STEP) value += unpackHigh(bytes, bit + PACK_STEP, width - PACK_STEP);
    into[row] = value;
    bit += width;
  }
  reader.at += length;
}

export const PACK_PADDING = 4;
/** Of the difference between -2^52 and 2^52. */
const MOST_BITS = 54;

function window(bytes: Buffer, bit: number): number {
  const at = bit >>> 3;
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> (bit & 7);
}

function unpackHigh(bytes: Buffer, bit: number, width: number): number {
  const low = window(bytes, bit) & (2 ** Math.min(width, PACK_STEP) - 1);
  const high = width > PACK_STEP ? window(bytes, bit + PACK_STEP) & (2 ** (width - PACK_STEP) - 1) : 0;
  return low * 0x1000000 + high * 0x1000000 * 0x1000000;
}
