import { type Buckets, clearBucket, isEmptyBucket, newBuckets } from '../contract/measures/buckets.ts';
import {
  carryOf,
  FIRST_CORR,
  FIRST_T,
  FIRST_V,
  LAST_T,
  LAST_V,
  LATE,
  LIMB,
  LONG_MS,
  RESETS,
  REST,
  REVISION,
  ROWS,
} from '../contract/measures/kinds.ts';
import { addSquares } from '../contract/measures/merge.ts';
import { encodePortion } from '../contract/measures/portions.ts';
import type { TariffClock } from '../contract/tariff/tariff-clock.ts';
import { PAGE_BITS, PAGE_MASK, PagedIndex, RecordPages } from './record-pages.ts';
import { SketchPool } from './sketch-pool.ts';
import {
  EXTRA_LATE,
  EXTRA_REVISED_BY,
  EXTRA_REVISION,
  SLOT_BUCKET,
  SLOT_EXTRA,
  SLOT_NEXT,
  SLOT_ROWS,
  type SlotPart,
  type SlotPlan,
} from './slot-plan.ts';

/** A group with more slots than this gets a map of its own: a walk along its chain would take too long. */
const LONG_CHAIN = 12;

/** Room to turn a chain around. */
let order = new Float64Array(64);

/**
 * What readings since the last checkpoint put into the finest buckets of one group-by: a slot for each group and
 * bucket, chained by group with the newest bucket first. Holds a slot for every bucket touched; the checkpoint bounds it.
 */
export class PartialTable {
  readonly plan: SlotPlan;
  readonly widthMs: number;
  readonly heads = new PagedIndex();
  readonly slots: RecordPages;
  readonly extras: RecordPages;
  /** By their place among the sketches; that of portions stays empty. */
  readonly pools: SketchPool[];
  readonly #long = new Map<number, Map<number, number>>();

  constructor(plan: SlotPlan, widthMs: number) {
    this.plan = plan;
    this.widthMs = widthMs;
    this.slots = new RecordPages(plan.words, plan.doubles);
    this.extras = new RecordPages(0, plan.extraDoubles);
    this.pools = plan.parts.filter((part) => part.sketch >= 0).map((part) => new SketchPool(part.kind));
  }

  get memoryBytes(): number {
    let bytes = this.heads.memoryBytes + this.slots.memoryBytes + this.extras.memoryBytes;
    for (const pool of this.pools) bytes += pool.account.bytes;
    return bytes;
  }

  release(): void {
    this.heads.release();
    this.slots.release();
    this.extras.release();
  }

  get usedBytes(): number {
    let bytes = this.heads.memoryBytes + this.slots.usedBytes + this.extras.usedBytes;
    for (const pool of this.pools) bytes += pool.account.bytes;
    return bytes;
  }

  /** The slot of a group and bucket, a new one when there is none. HOT */
  slotOf(group: number, bucket: number): number {
    const pages = this.heads.pages;
    const page = group >> PAGE_BITS;
    const head = page < pages.length ? pages[page][group & PAGE_MASK] : 0;
    if (head !== 0) {
      const words = this.slots.words[head >> PAGE_BITS];
      const newest = words[(head & PAGE_MASK) * this.slots.wordStride + SLOT_BUCKET];
      if (newest === bucket) return head;
      return newest < bucket ? this.#add(group, head, bucket) : this.#search(group, head, bucket);
    }
    return this.#add(group, 0, bucket);
  }

  /** Slots of a block of readings; most are at the head of their chain. HOT */
  findSlots(groups: Uint32Array, buckets: Uint32Array, n: number, found: Uint32Array): void {
    const { pages } = this.heads;
    const { words, wordStride } = this.slots;
    for (let i = 0; i < n; i++) {
      const group = groups[i];
      const page = group >> PAGE_BITS;
      const head = page < pages.length ? pages[page][group & PAGE_MASK] : 0;
      const known =
        head !== 0 && words[head >> PAGE_BITS][(head & PAGE_MASK) * wordStride + SLOT_BUCKET] === buckets[i];
      found[i] = known ? head : this.slotOf(group, buckets[i]);
    }
  }

  #search(group: number, head: number, bucket: number): number {
    const { words, wordStride } = this.slots;
    let slot = head;
    for (let steps = 0; slot !== 0; steps++) {
      if (steps === LONG_CHAIN) return this.#searchLong(group, head, bucket);
      const base = (slot & PAGE_MASK) * wordStride;
      const page = words[slot >> PAGE_BITS];
      if (page[base + SLOT_BUCKET] === bucket) return slot;
      slot = page[base + SLOT_NEXT];
    }
    return this.#add(group, head, bucket);
  }

  #searchLong(group: number, head: number, bucket: number): number {
    let map = this.#long.get(group);
    if (map === undefined) {
      map = new Map();
      for (let slot = head; slot !== 0; slot = this.word(slot, SLOT_NEXT))
        map.set(this.word(slot, SLOT_BUCKET), slot);
      this.#long.set(group, map);
    }
    const known = map.get(bucket);
    if (known !== undefined) return known;
    return this.#add(group, head, bucket);
  }

  #add(group: number, head: number, bucket: number): number {
    const slots = this.slots;
    const slot = slots.add();
    const words = slots.words[slot >> PAGE_BITS];
    const base = (slot & PAGE_MASK) * slots.wordStride;
    words[base + SLOT_BUCKET] = bucket;
    this.#chain(group, slot, head, bucket);
    const doubles = slots.doubles[slot >> PAGE_BITS];
    const first = (slot & PAGE_MASK) * slots.doubleStride + slots.doubleAt;
    const { blanks } = this.plan;
    for (let at = 0; at < blanks.length; at++) doubles[first + blanks[at]] = Number.NaN;
    if (this.#long.size > 0) this.#long.get(group)?.set(bucket, slot);
    return slot;
  }

  /** The newest bucket is always the head, so that a reading newer than all makes its slot without a search. */
  #chain(group: number, slot: number, head: number, bucket: number): void {
    if (head === 0 || bucket > this.word(head, SLOT_BUCKET)) {
      this.#setNext(slot, head);
      this.heads.set(group, slot);
      return;
    }
    this.#setNext(slot, this.word(head, SLOT_NEXT));
    this.#setNext(head, slot);
  }

  #setNext(slot: number, next: number): void {
    this.slots.words[slot >> PAGE_BITS][(slot & PAGE_MASK) * this.slots.wordStride + SLOT_NEXT] = next;
  }

  word(slot: number, word: number): number {
    return this.slots.words[slot >> PAGE_BITS][(slot & PAGE_MASK) * this.slots.wordStride + word];
  }

  /** Place of the slot's first double in its page. */
  doubleBase(slot: number): number {
    return (slot & PAGE_MASK) * this.slots.doubleStride + this.slots.doubleAt;
  }

  /** Place in `extras.doubles[extra >> PAGE_BITS]` of the slot's extra, which is made when there is none. */
  extraOf(slot: number): number {
    const words = this.slots.words[slot >> PAGE_BITS];
    const at = (slot & PAGE_MASK) * this.slots.wordStride + SLOT_EXTRA;
    if (words[at] === 0) words[at] = this.extras.add();
    return words[at];
  }

  addToExtra(slot: number, double: number, amount: number): void {
    const extra = this.extraOf(slot);
    this.extras.doubles[extra >> PAGE_BITS][(extra & PAGE_MASK) * this.extras.doubleStride + double] +=
      amount;
  }

  /** The bucket changed after it was final: counts once for each record of the log. */
  revise(slot: number, seq: number): void {
    const extra = this.extraOf(slot);
    const doubles = this.extras.doubles[extra >> PAGE_BITS];
    revised(doubles, (extra & PAGE_MASK) * this.extras.doubleStride, seq);
  }

  /** A reading came for a bucket that was final. HOT */
  addLate(slot: number, seq: number): void {
    const extra = this.extraOf(slot);
    const doubles = this.extras.doubles[extra >> PAGE_BITS];
    const base = (extra & PAGE_MASK) * this.extras.doubleStride;
    doubles[base + EXTRA_LATE]++;
    revised(doubles, base, seq);
  }

  /** The group's slots as buckets, ascending, into `into` (made wider when needed); answers the one used. */
  gather(group: number, into: Buckets): Buckets {
    let n = 0;
    for (let slot = this.heads.get(group); slot !== 0; slot = this.word(slot, SLOT_NEXT)) n++;
    const buckets = into.starts.length >= n ? into : newBuckets(into.kinds, n * 2);
    buckets.n = 0;
    this.#inOrder(group, n);
    for (let at = 0; at < n; at++) {
      this.#fill(buckets, buckets.n, order[at]);
      if (!isEmptyBucket(buckets, buckets.n)) buckets.n++;
    }
    return buckets;
  }

  /** The group's slots, ascending by bucket, in `order`. */
  #inOrder(group: number, n: number): void {
    if (order.length < n) order = new Float64Array(n * 2);
    let at = n;
    let ascending = true;
    for (let slot = this.heads.get(group); slot !== 0; slot = this.word(slot, SLOT_NEXT)) order[--at] = slot;
    for (let i = 1; i < n && ascending; i++)
      ascending = this.word(order[i - 1], SLOT_BUCKET) < this.word(order[i], SLOT_BUCKET);
    if (!ascending)
      order.subarray(0, n).sort((a, b) => this.word(a, SLOT_BUCKET) - this.word(b, SLOT_BUCKET));
  }

  #fill(buckets: Buckets, at: number, slot: number): void {
    clearBucket(buckets, at, this.word(slot, SLOT_BUCKET) * this.widthMs);
    const lanes = buckets.lanes;
    lanes[ROWS][at] = this.word(slot, SLOT_ROWS);
    const extra = this.word(slot, SLOT_EXTRA);
    if (extra !== 0) {
      lanes[LATE][at] = this.#extra(extra, EXTRA_LATE);
      lanes[REVISION][at] = this.#extra(extra, EXTRA_REVISION);
    }
    for (const part of this.plan.parts)
      if (part.sketch < 0) this.#fillPart(lanes, at, slot, extra, part);
      else if (part.clock !== null)
        buckets.sketches[part.sketch][at] = this.#portion(part.clock, slot, extra, part);
      else buckets.sketches[part.sketch][at] = this.pools[part.sketch].encode(this.word(slot, part.word));
  }

  #portion(clock: TariffClock, slot: number, extra: number, part: SlotPart): Uint8Array | null {
    const period = clock.spec.periods[clock.periodAt(this.word(slot, SLOT_BUCKET) * this.widthMs)];
    const lo = this.slots.doubles[slot >> PAGE_BITS][this.doubleBase(slot) + part.double];
    return encodePortion(period.code, this.#extra(extra, part.extra), lo);
  }

  #extra(extra: number, double: number): number {
    if (extra === 0) return 0;
    return this.extras.doubles[extra >> PAGE_BITS][(extra & PAGE_MASK) * this.extras.doubleStride + double];
  }

  #fillPart(lanes: Float64Array[], at: number, slot: number, extra: number, part: SlotPart): void {
    const { lane, kind } = part;
    const doubles = this.slots.doubles[slot >> PAGE_BITS];
    const first = this.doubleBase(slot) + part.double;
    switch (kind) {
      case 'present':
        lanes[lane][at] = this.word(slot, part.word);
        break;
      case 'sum':
      case 'share':
      case 'area':
      case 'stood':
        setLimbs(lanes, lane, at, this.#extra(extra, part.extra), doubles[first]);
        break;
      case 'min':
      case 'max':
        lanes[lane][at] = doubles[first];
        break;
      case 'first':
      case 'last':
        lanes[lane + 1][at] = doubles[first];
        if (!Number.isNaN(doubles[first])) lanes[lane][at] = this.word(slot, part.word);
        break;
      case 'quality':
        if (extra === 0) break;
        for (let more = 0; more < LONG_MS + 2; more += 2) {
          const [hi, lo] = [this.#extra(extra, part.extra + more), this.#extra(extra, part.extra + more + 1)];
          setLimbs(lanes, lane + more, at, hi, lo);
        }
        lanes[lane + RESETS][at] = this.#extra(extra, part.extra + RESETS);
        break;
      case 'repeats':
        lanes[lane][at] = this.#extra(extra, part.extra);
        break;
      case 'squares':
        addSquares(
          lanes,
          lane,
          at,
          this.#extra(extra, part.extra),
          this.#extra(extra, part.extra + 1),
          doubles[first],
        );
        break;
      case 'register':
        if (Number.isNaN(doubles[first])) break;
        lanes[lane + FIRST_T][at] = this.word(slot, part.word);
        lanes[lane + FIRST_V][at] = doubles[first];
        lanes[lane + LAST_T][at] = this.word(slot, part.word + 1);
        lanes[lane + LAST_V][at] = doubles[first + 1];
        if (extra === 0) break;
        setLimbs(
          lanes,
          lane + FIRST_CORR,
          at,
          this.#extra(extra, part.extra),
          this.#extra(extra, part.extra + 1),
        );
        setLimbs(
          lanes,
          lane + REST,
          at,
          this.#extra(extra, part.extra + 2),
          this.#extra(extra, part.extra + 3),
        );
        break;
    }
  }
}

function revised(doubles: Float64Array, base: number, seq: number): void {
  if (doubles[base + EXTRA_REVISED_BY] === seq) return;
  doubles[base + EXTRA_REVISED_BY] = seq;
  doubles[base + EXTRA_REVISION]++;
}

function setLimbs(lanes: Float64Array[], lane: number, at: number, hi: number, lo: number): void {
  const carry = carryOf(lo);
  lanes[lane][at] = hi + carry;
  lanes[lane + 1][at] = lo - carry * LIMB;
}
