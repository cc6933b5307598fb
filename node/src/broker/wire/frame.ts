/**
 * Cuts a stream of bytes into packets by their fixed header: one byte of type and flags, then the length of the rest
 * in one to four bytes of seven bits each [MQTT-2.2.3].
 */

/** Bytes of the fixed header of a frame whose length is known to be whole. */
export function headerBytes(bytes: Uint8Array, at: number): number {
  if (bytes[at + 1] < 0x80) return 2;
  if (bytes[at + 2] < 0x80) return 3;
  return bytes[at + 3] < 0x80 ? 4 : 5;
}

/** Where the frame that begins at `at` ends, even if past `to`; -1: its length is not all there; -2: no length. */
export function frameEnd(bytes: Uint8Array, at: number, to: number): number {
  // HOT: once a packet; nearly all are shorter than 128 bytes or 16 KiB.
  if (at + 1 >= to) return -1;
  let length = bytes[at + 1];
  if (length < 0x80) return at + 2 + length;
  length &= 0x7f;
  for (let i = 2; i <= 4; i++) {
    if (at + i >= to) return -1;
    const byte = bytes[at + i];
    length += (byte & 0x7f) * 2 ** (7 * (i - 1));
    if (byte < 0x80) return at + i + 1 + length;
  }
  return -2;
}

const FIRST_BYTES = 256;

/**
 * Collects a packet that comes in pieces. Its memory grows with what has come, not with what the header announces, so
 * that an announced 256 MB cost nothing, and a packet that is trickled is not copied for each byte.
 */
export class FrameAssembly {
  bytes = 0;
  tooLarge = false;
  #buffer: Buffer | null = null;

  /** Takes what belongs to the packet from `at` on; answers where the next one begins. */
  append(chunk: Uint8Array, at: number, most: number): number {
    let from = at;
    while (from < chunk.length) {
      const end = this.#buffer ? frameEnd(this.#buffer, 0, this.bytes) : -1;
      if (end === -2 || end > most) {
        this.tooLarge = true;
        return from;
      }
      if (end >= 0 && this.bytes >= end) return from;
      // Until the length is known a byte is taken at a time: at most five.
      const take = end < 0 ? 1 : Math.min(end - this.bytes, chunk.length - from);
      this.#room(take);
      (this.#buffer as Buffer).set(chunk.subarray(from, from + take), this.bytes);
      this.bytes += take;
      from += take;
    }
    const end = this.#buffer ? frameEnd(this.#buffer, 0, this.bytes) : -1;
    if (end === -2 || end > most) this.tooLarge = true;
    return from;
  }

  /** The packet, if it is whole; it belongs to the caller. */
  takeWhole(): Buffer | null {
    const buffer = this.#buffer;
    if (!buffer || frameEnd(buffer, 0, this.bytes) !== this.bytes) return null;
    const whole = buffer.subarray(0, this.bytes);
    this.clear();
    return whole;
  }

  clear(): void {
    this.bytes = 0;
    this.#buffer = null;
  }

  #room(more: number): void {
    const need = this.bytes + more;
    if (this.#buffer && this.#buffer.length >= need) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, need, this.bytes * 2));
    if (this.#buffer) grown.set(this.#buffer.subarray(0, this.bytes));
    this.#buffer = grown;
  }
}
