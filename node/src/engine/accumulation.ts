import { LIMITS } from '../contract/limits.ts';
import { MAX_GAP_MS } from '../contract/measures/layout.ts';
import { addPresent, addSum, countRows, takeEnd, takeMax, takeMin, takePoint } from './accumulate.ts';
import type { Block } from './block.ts';
import type { Neighbours } from './neighbours.ts';
import type { PartialTable } from './partial-table.ts';
import type { SectionColumns } from './section-columns.ts';
import { EXTRA_LATE, type SlotPart } from './slot-plan.ts';
import { type Change, correctionOf, type Interval, lastShare, restOf, spread } from './spread.ts';
import type { RollupState, StreamEngine } from './stream-engine.ts';

const NONE = new Float64Array(LIMITS.recordReadings).fill(Number.NaN);

/** Puts admitted readings into the slots of every rollup and group-by, one accumulator after the other. */
export class Accumulation {
  /** Readings before this are late: their bucket of the finest tier of all rollups was final. */
  lateBefore = 0;
  readonly #stream: StreamEngine;
  readonly #change: Change = { seq: 0, finalBucket: 0 };
  readonly #interval: Interval = { fromT: 0, fromV: 0, toT: 0, toV: 0 };
  /** Place of a field among the counters, or −1; by rollup, group-by and part it would be looked up too often. */
  readonly #counterOf: Map<string, number>;
  readonly #fieldOf: Map<string, number>;
  #finalUpTo = 0;

  constructor(stream: StreamEngine) {
    this.#stream = stream;
    const fields = stream.spec.fields;
    this.#fieldOf = new Map(fields.map((field, at) => [field.name, at]));
    this.#counterOf = new Map(stream.counters.map((field, at) => [fields[field].name, at]));
  }

  /** Buckets that end at `finalUpTo` or before are final. */
  open(seq: number, finalUpTo: number): void {
    this.#change.seq = seq;
    this.#finalUpTo = finalUpTo;
    this.lateBefore = finalUpTo;
    const widths = this.#stream.rollups.map((rollup) => rollup.widthMs);
    if (widths.length === 0) return;
    const finest = Math.min(...widths);
    this.lateBefore = Math.floor(finalUpTo / finest) * finest;
  }

  #finalBucket(widthMs: number): number {
    return Math.floor(this.#finalUpTo / widthMs) - 1;
  }

  add(block: Block, columns: SectionColumns): void {
    if (block.n === 0) return;
    const { rollups, active } = this.#stream;
    for (let r = 0; r < rollups.length; r++) {
      const rollup = rollups[r];
      this.#change.finalBucket = this.#finalBucket(rollup.widthMs);
      const anyLate = this.#place(block, rollup);
      if (rollup.layouts.some((layout) => layout.kinds.includes('share'))) this.#share(block, rollup.widthMs);
      for (let g = 0; g < rollup.groups.length; g++) {
        const table = active.tables[r][g];
        rollup.groups[g].groupsOf(block.keys, block.tuples, block.n, block.groups);
        table.findSlots(block.groups, block.buckets, block.n, block.slots);
        countRows(table, block.slots, block.n);
        if (anyLate) this.#markLate(block, table);
        for (const part of rollup.plans[g].parts) this.#accumulate(block, columns, table, part, rollup);
      }
    }
  }

  /** Bucket of each reading and its time within; whether any of them is final. HOT */
  #place(block: Block, rollup: RollupState): boolean {
    const { n, times, buckets, offsets } = block;
    const width = rollup.widthMs;
    const finalBucket = this.#change.finalBucket;
    const { onTime, late } = rollup.changed;
    let anyLate = false;
    for (let i = 0; i < n; i++) {
      const time = times[i];
      const bucket = Math.floor(time / width);
      buckets[i] = bucket;
      offsets[i] = time - bucket * width;
      const span = bucket <= finalBucket ? late : onTime;
      if (time < span.from) span.from = time;
      if (time > span.to) span.to = time;
      if (bucket <= finalBucket) anyLate = true;
    }
    return anyLate;
  }

  #markLate(block: Block, table: PartialTable): void {
    const finalBucket = this.#change.finalBucket;
    for (let i = 0; i < block.n; i++) {
      if (block.buckets[i] > finalBucket) continue;
      table.addToExtra(block.slots[i], EXTRA_LATE, 1);
      table.revise(block.slots[i], this.#change.seq);
    }
  }

  #accumulate(
    block: Block,
    columns: SectionColumns,
    table: PartialTable,
    part: SlotPart,
    rollup: RollupState,
  ): void {
    if (part.kind === 'register') this.#register(block, table, part);
    else if (part.kind === 'share') this.#addShares(block, table, part, rollup);
    else this.#addValues(block, columns, table, part);
  }

  #addValues(block: Block, columns: SectionColumns, table: PartialTable, part: SlotPart): void {
    const { n, slots, field: values } = block;
    this.#values(block, columns, part.field);
    switch (part.kind) {
      case 'present':
        addPresent(table, part, slots, values, n);
        break;
      case 'sum':
        addSum(table, part, slots, values, n);
        break;
      case 'min':
        takeMin(table, part, slots, values, n);
        break;
      case 'max':
        takeMax(table, part, slots, values, n);
        break;
      case 'first':
        takeEnd(table, part, 1, slots, block.offsets, values, n);
        break;
      case 'last':
        takeEnd(table, part, -1, slots, block.offsets, values, n);
        break;
    }
  }

  /** Values of a field for the readings of the block. HOT */
  #values(block: Block, columns: SectionColumns, field: string): void {
    const column = columns.numbers(this.#fieldOf.get(field) ?? -1, NONE);
    const { n, rows, field: values } = block;
    // Adding zero makes zero of minus zero: state has one form.
    for (let i = 0; i < n; i++) values[i] = column[rows[i]] + 0;
  }

  /** HOT */
  #register(block: Block, table: PartialTable, part: SlotPart): void {
    const c = this.#counterOf.get(part.field)!;
    const { n, slots, offsets, times } = block;
    const values = block.values[c];
    const beforeT = block.beforeT[c];
    const beforeV = block.beforeV[c];
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (Number.isNaN(value)) continue;
      let corr = 0;
      let rest = 0;
      if (value < beforeV[i] || times[i] - beforeT[i] > MAX_GAP_MS) {
        corr = correctionOf(beforeT[i], beforeV[i], times[i], value);
        rest = restOf(beforeT[i], beforeV[i], times[i], value);
      }
      takePoint(table, part, slots[i], offsets[i], value + 0, corr, rest);
    }
  }

  /** What of each reading's interval ends in its own bucket: the same for every group-by. HOT */
  #share(block: Block, widthMs: number): void {
    for (let c = 0; c < block.values.length; c++) {
      const { n, times, buckets } = block;
      const values = block.values[c];
      const beforeT = block.beforeT[c];
      const beforeV = block.beforeV[c];
      const shares = block.shares[c];
      for (let i = 0; i < n; i++) {
        const value = values[i];
        if (Number.isNaN(value) || Number.isNaN(beforeT[i])) shares[i] = Number.NaN;
        else shares[i] = lastShare(beforeT[i], beforeV[i], times[i], value, buckets[i] * widthMs);
      }
    }
  }

  #addShares(block: Block, table: PartialTable, part: SlotPart, rollup: RollupState): void {
    const c = this.#counterOf.get(part.field)!;
    addSum(table, part, block.slots, block.shares[c], block.n);
    const { n, times, buckets } = block;
    const values = block.values[c];
    const beforeT = block.beforeT[c];
    const interval = this.#interval;
    for (let i = 0; i < n; i++) {
      // False for NaN: without a reading before there is nothing to spread.
      if (Number.isNaN(values[i]) || !(beforeT[i] < buckets[i] * table.widthMs)) continue;
      if (times[i] - beforeT[i] > MAX_GAP_MS) continue;
      interval.fromT = beforeT[i];
      interval.fromV = block.beforeV[c][i];
      interval.toT = times[i];
      interval.toV = values[i];
      spread(table, part, block.groups[i], interval, 1, false, this.#change);
      const span = rollup.changed.onTime;
      if (beforeT[i] < span.from) span.from = beforeT[i];
    }
  }

  /**
   * A reading came between two that are counted: what the interval put into the buckets is taken out, and that from
   * the reading to the later one put in, with the later one's dimensions. The reading's own interval follows with it.
   */
  split(key: number, c: number, seek: Neighbours, value: number, beforeT: number, beforeV: number): void {
    const { rollups, active } = this.#stream;
    for (let r = 0; r < rollups.length; r++) {
      const rollup = rollups[r];
      this.#change.finalBucket = this.#finalBucket(rollup.widthMs);
      const span = rollup.changed.late;
      if (seek.afterT[c] > span.to) span.to = seek.afterT[c];
      if (seek.time < span.from) span.from = seek.time;
      for (let g = 0; g < rollup.groups.length; g++)
        for (const part of rollup.plans[g].parts) {
          if (this.#counterOf.get(part.field) !== c) continue;
          const table = active.tables[r][g];
          const group = rollup.groups[g].groupOf(key, seek.afterTuple[c]);
          if (part.kind === 'register')
            this.#splitRegister(table, part, key, c, seek, value, beforeT, beforeV);
          else if (part.kind === 'share')
            this.#splitShare(table, part, group, c, seek, value, beforeT, beforeV);
        }
    }
  }

  #splitShare(
    table: PartialTable,
    part: SlotPart,
    group: number,
    c: number,
    seek: Neighbours,
    value: number,
    beforeT: number,
    beforeV: number,
  ): void {
    const interval = this.#interval;
    interval.toT = seek.afterT[c];
    interval.toV = seek.afterV[c];
    interval.fromT = beforeT;
    interval.fromV = beforeV;
    if (!Number.isNaN(beforeT)) spread(table, part, group, interval, -1, true, this.#change);
    interval.fromT = seek.time;
    interval.fromV = value;
    spread(table, part, group, interval, 1, true, this.#change);
  }

  #splitRegister(
    table: PartialTable,
    part: SlotPart,
    key: number,
    c: number,
    seek: Neighbours,
    value: number,
    beforeT: number,
    beforeV: number,
  ): void {
    const toT = seek.afterT[c];
    const toV = seek.afterV[c];
    const corr = correctionOf(seek.time, value, toT, toV) - correctionOf(beforeT, beforeV, toT, toV);
    const rest = restOf(seek.time, value, toT, toV) - restOf(beforeT, beforeV, toT, toV);
    if (corr === 0 && rest === 0) return;
    const bucket = Math.floor(toT / table.widthMs);
    const slot = table.slotOf(key, bucket);
    takePoint(table, part, slot, toT - bucket * table.widthMs, toV, corr, rest);
    if (bucket <= this.#change.finalBucket) table.revise(slot, this.#change.seq);
  }
}
