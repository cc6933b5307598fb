/** Records of a fixed size in pages, so that growing copies nothing. Numbered from 1; 0 stands for none. */
export const PAGE_BITS = 10;
export const PAGE_MASK = (1 << PAGE_BITS) - 1;
const PAGE_RECORDS = 1 << PAGE_BITS;
/** An engine has some ten of these and a thread up to 24 engines, most of them small: the first page grows. */
const FIRST_RECORDS = 64;

/**
 * Pages that checkpoints left, by their bytes: what comes next needs as many. Left to the collector they would stay for
 * as long as the thread has few other objects, and a million meters took 100 MB more.
 */
const spares = new Map<number, ArrayBuffer[]>();
const MOST_SPARE_BYTES = 32 * 1024 * 1024;
let spareBytes = 0;

/** All zero. */
function pageOf(bytes: number): ArrayBuffer {
  const spare = spares.get(bytes)?.pop();
  if (spare === undefined) return new ArrayBuffer(bytes);
  spareBytes -= bytes;
  new Uint8Array(spare).fill(0);
  return spare;
}

function giveBack(page: ArrayBuffer): void {
  const bytes = page.byteLength;
  if (spareBytes + bytes > MOST_SPARE_BYTES) return;
  spareBytes += bytes;
  const same = spares.get(bytes);
  if (same) same.push(page);
  else spares.set(bytes, [page]);
}

/**
 * Holds records of 32-bit words followed by doubles, both views of the same memory: what belongs to one record lies
 * together, since at a million of them each touch of another line of cache costs more than the work on it.
 * Word w of record r: `words[r >> PAGE_BITS][(r & PAGE_MASK) * wordStride + w]`; a double likewise.
 */
export class RecordPages {
  readonly words: Uint32Array[] = [];
  readonly doubles: Float64Array[] = [];
  readonly wordStride: number;
  readonly doubleStride: number;
  /** Place of the first double, counted in doubles. */
  readonly doubleAt: number;
  #count = 1;
  #room = FIRST_RECORDS;

  constructor(words: number, doubles: number) {
    this.doubleAt = (words + 1) >> 1;
    this.doubleStride = Math.max(1, this.doubleAt + doubles);
    this.wordStride = this.doubleStride * 2;
    this.#page(FIRST_RECORDS);
  }

  /** Records in use and the reserved one. */
  get count(): number {
    return this.#count;
  }

  get memoryBytes(): number {
    return this.#room * this.doubleStride * 8;
  }

  /** Of the records in use: the rest of a page is not touched, and so is no memory yet. */
  get usedBytes(): number {
    return this.#count * this.doubleStride * 8;
  }

  /** A new record, all zero. HOT */
  add(): number {
    if (this.#count === this.#room) this.#grow();
    return this.#count++;
  }

  /** Gives the pages back. Nobody may hold records any more. */
  release(): void {
    if (this.#room >= PAGE_RECORDS) for (const page of this.doubles) giveBack(page.buffer as ArrayBuffer);
    this.words.length = 0;
    this.doubles.length = 0;
  }

  #grow(): void {
    if (this.#room >= PAGE_RECORDS) {
      this.#page(PAGE_RECORDS);
      this.#room += PAGE_RECORDS;
      return;
    }
    const before = this.doubles[0];
    this.words.length = 0;
    this.doubles.length = 0;
    this.#room *= 2;
    this.#page(this.#room);
    // Copied as words: a double's copy may change the bits of what is no number.
    this.words[0].set(new Uint32Array(before.buffer));
  }

  #page(records: number): void {
    const bytes = records * this.doubleStride * 8;
    const memory = records === PAGE_RECORDS ? pageOf(bytes) : new ArrayBuffer(bytes);
    this.words.push(new Uint32Array(memory));
    this.doubles.push(new Float64Array(memory));
  }
}

/** Group → record, growing in pages; 0 stands for none. */
export class PagedIndex {
  readonly pages: Uint32Array[] = [];

  get(at: number): number {
    const page = this.pages[at >> PAGE_BITS];
    return page === undefined ? 0 : page[at & PAGE_MASK];
  }

  set(at: number, value: number): void {
    while (this.pages.length <= at >> PAGE_BITS) this.pages.push(new Uint32Array(pageOf(PAGE_RECORDS * 4)));
    this.pages[at >> PAGE_BITS][at & PAGE_MASK] = value;
  }

  release(): void {
    for (const page of this.pages) giveBack(page.buffer as ArrayBuffer);
    this.pages.length = 0;
  }

  /** One past the last place that may hold anything. */
  get end(): number {
    return this.pages.length << PAGE_BITS;
  }

  get memoryBytes(): number {
    return this.pages.length * PAGE_RECORDS * 4;
  }
}
