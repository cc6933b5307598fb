/** Encoded PUBLISH frames, one after the other, whose packet ids are filled in when they are sent. */
export interface Tape {
  bytes: Buffer;
  frames: number;
  /** Where frame i ends. */
  ends: Float64Array;
  /** Where the packet id of frame i stands. */
  idAt: Float64Array;
  /** Readings in frame i. */
  readings: Uint32Array;
}

/** MQTT 3.1.1 §3.3: PUBLISH at QoS 1. */
const PUBLISH_QOS1 = 0x32;
const DUP_FLAG = 0x08;

/** Builds a tape; grows as needed and can be emptied and used again once its tape has been sent. */
export class TapeWriter {
  #bytes: Buffer;
  #at = 0;
  #frames = 0;
  #ends = new Float64Array(1024);
  #idAt = new Float64Array(1024);
  #readings = new Uint32Array(1024);

  constructor(bytes = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
  }

  get frames(): number {
    return this.#frames;
  }

  add(topic: string, payload: string, readings: number, dup = false): void {
    const topicBytes = Buffer.byteLength(topic);
    const payloadBytes = Buffer.byteLength(payload);
    const remaining = 2 + topicBytes + 2 + payloadBytes;
    this.#makeRoom(remaining + 5);
    const bytes = this.#bytes;
    bytes[this.#at++] = dup ? PUBLISH_QOS1 | DUP_FLAG : PUBLISH_QOS1;
    this.#at = writeLength(bytes, this.#at, remaining);
    this.#at = bytes.writeUInt16BE(topicBytes, this.#at);
    this.#at += bytes.write(topic, this.#at);
    this.#idAt[this.#frames] = this.#at;
    this.#at += 2;
    this.#at += bytes.write(payload, this.#at);
    this.#ends[this.#frames] = this.#at;
    this.#readings[this.#frames] = readings;
    this.#frames++;
  }

  tape(): Tape {
    return {
      bytes: this.#bytes.subarray(0, this.#at),
      frames: this.#frames,
      ends: this.#ends,
      idAt: this.#idAt,
      readings: this.#readings,
    };
  }

  #makeRoom(more: number): void {
    if (this.#at + more > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + more));
      this.#bytes.copy(larger, 0, 0, this.#at);
      this.#bytes = larger;
    }
    if (this.#frames < this.#ends.length) return;
    this.#ends = grown(this.#ends);
    this.#idAt = grown(this.#idAt);
    const readings = new Uint32Array(this.#readings.length * 2);
    readings.set(this.#readings);
    this.#readings = readings;
  }
}

function grown(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}

/** MQTT 3.1.1 §2.2.3: seven bits a byte, the lowest first. */
export function writeLength(bytes: Uint8Array, at: number, length: number): number {
  let left = length;
  let next = at;
  while (left >= 0x80) {
    bytes[next++] = (left & 0x7f) | 0x80;
    left >>>= 7;
  }
  bytes[next++] = left;
  return next;
}
