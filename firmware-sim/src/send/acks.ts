/** What a load client understands of the server's answers; anything else is a protocol fault. */
export interface AckListener {
  onConnack(code: number): void;
  onPuback(id: number): void;
  onFault(what: string): void;
}

const CONNACK = 0x20;
const PUBACK = 0x40;
const PINGRESP = 0xd0;

/** Reads CONNACK, PUBACK and PINGRESP from chunks cut anywhere. All are at most four bytes: so is what it holds. */
export class AckReader {
  readonly #listener: AckListener;
  readonly #packet = new Uint8Array(4);
  #have = 0;

  constructor(listener: AckListener) {
    this.#listener = listener;
  }

  /** HOT. */
  read(chunk: Uint8Array): void {
    let at = 0;
    const length = chunk.length;
    while (at < length) {
      // Nearly all is whole PUBACKs (MQTT 3.1.1 §3.4): those need no copy.
      while (this.#have === 0 && at + 4 <= length && chunk[at] === PUBACK) {
        this.#listener.onPuback((chunk[at + 2] << 8) | chunk[at + 3]);
        at += 4;
      }
      if (at === length) return;
      this.#packet[this.#have++] = chunk[at++];
      if (this.#have === this.#wanted()) this.#take();
    }
  }

  #wanted(): number {
    if (this.#have < 2) return 2;
    return 2 + Math.min(2, this.#packet[1]);
  }

  #take(): void {
    const [type, length, high, low] = this.#packet;
    if (this.#have === 2 && length > 0) return;
    this.#have = 0;
    if (type === PUBACK && length === 2) this.#listener.onPuback((high << 8) | low);
    else if (type === CONNACK && length === 2) this.#listener.onConnack(low);
    else if (type !== PINGRESP || length !== 0) this.#listener.onFault(`packet ${type} of ${length} bytes`);
  }
}
