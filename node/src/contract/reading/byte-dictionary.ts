/**
 * Byte strings numbered in the order in which they first came: an open-addressing table over bytes, so that a key is
 * looked up without becoming a JavaScript string. It grows by doubling.
 */
export class ByteDictionary {
  /** Entry i is `bytes[ends[i-1] .. ends[i]]`. */
  bytes = new Uint8Array(512);
  ends = new Uint32Array(32);
  hashes = new Uint32Array(32);
  size = 0;
  /** 1 + entry, 0 for a free slot; twice as many slots as entries at least. */
  #slots = new Int32Array(64);

  /**
   * An empty dictionary of the size of this one, if it was in use, which keeps its entries but must not be looked up in any more: the
   * table and the hashes go over, since clearing them costs a fraction of allocating them.
   */
  successor(): ByteDictionary {
    const next = new ByteDictionary();
    if (this.size * 8 < this.ends.length) return next;
    next.bytes = new Uint8Array(Math.ceil(this.byteLength * 1.25));
    next.ends = new Uint32Array(this.ends.length);
    next.hashes = this.hashes;
    next.#slots = this.#slots.fill(0);
    return next;
  }

  get byteLength(): number {
    return this.size === 0 ? 0 : this.ends[this.size - 1];
  }

  /** The number of `source[from .. to]`, which is added if it is new. HOT */
  intern(source: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.#slots[slot]; entry !== 0; entry = this.#slots[slot]) {
      if (this.hashes[entry - 1] === hash && this.#holds(entry - 1, source, from, to)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    return this.#add(slot, source, from, to, hash);
  }

  text(entry: number): string {
    const start = entry === 0 ? 0 : this.ends[entry - 1];
    return Buffer.from(this.bytes.buffer, start, this.ends[entry] - start).toString();
  }

  /** Takes back the newest entries. Probing never passes an older entry's slot over a newer one, so none is lost. */
  truncate(size: number): void {
    const mask = this.#slots.length - 1;
    while (this.size > size) {
      let slot = this.hashes[this.size - 1] & mask;
      while (this.#slots[slot] !== this.size) slot = (slot + 1) & mask;
      this.#slots[slot] = 0;
      this.size--;
    }
  }

  #holds(entry: number, source: Uint8Array, from: number, to: number): boolean {
    const start = entry === 0 ? 0 : this.ends[entry - 1];
    if (this.ends[entry] - start !== to - from) return false;
    const { bytes } = this;
    for (let at = from, own = start; at < to; at++, own++) if (bytes[own] !== source[at]) return false;
    return true;
  }

  #add(slot: number, source: Uint8Array, from: number, to: number, hash: number): number {
    const entry = this.size;
    const start = this.byteLength;
    const end = start + to - from;
    if (end > this.bytes.length) {
      this.bytes = grown(this.bytes, new Uint8Array(Math.max(end, this.bytes.length * 2)));
    }
    for (let at = from, own = start; at < to; at++, own++) this.bytes[own] = source[at];
    if (entry === this.ends.length) {
      this.ends = grown(this.ends, new Uint32Array(entry * 2));
      this.hashes = grown(this.hashes, new Uint32Array(entry * 2));
    }
    this.ends[entry] = end;
    this.hashes[entry] = hash;
    this.#slots[slot] = entry + 1;
    this.size++;
    if (this.size * 2 > this.#slots.length) this.#rehash();
    return entry;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.size; entry++) {
      let slot = this.hashes[entry] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
  }
}

function grown<T extends Uint8Array | Uint32Array>(old: T, bigger: T): T {
  bigger.set(old);
  return bigger;
}
