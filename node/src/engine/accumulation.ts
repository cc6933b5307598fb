import { LIMITS } from '../contract/limits.ts';
import {
  addPresent,
  addSquareSum,
  addSum,
  countRows,
  takeEnd,
  takeMax,
  takeMin,
  takePoint,
} from './accumulate.ts';
import {
  addQuantiles,
  addTops,
  addUniques,
  hashKeys,
  hashNumbers,
  hashTexts,
} from './accumulate-sketches.ts';
import type { Block } from './block.ts';
import type { PartialTable } from './partial-table.ts';
import { addQuality } from './quality.ts';
import type { SectionColumns } from './section-columns.ts';
import type { SlotPart } from './slot-plan.ts';
import { type Change, correctionOf, type Interval, lastShare, restOf, spread } from './spread.ts';
import { stand, standBlock } from './stand.ts';
import type { RollupState, StreamEngine } from './stream-engine.ts';
import { TextHashes } from './text-hashes.ts';

const NONE = new Float64Array(LIMITS.recordReadings).fill(Number.NaN);

/** Puts admitted readings into the slots of every rollup and group-by, one accumulator after the other. */
export class Accumulation {
  /** Readings before this are late: their bucket of the finest tier of all rollups was final. */
  lateBefore = 0;
  readonly #stream: StreamEngine;
  readonly #change: Change = { seq: 0, finalBucket: 0 };
  readonly #interval: Interval = { fromT: 0, fromV: 0, toT: 0, toV: 0, amount: 0, resets: 0 };
  /** Place of a field among the counters, or −1; by rollup, group-by and part it would be looked up too often. */
  readonly #counterOf: Map<string, number>;
  readonly #fieldOf: Map<string, number>;
  readonly #textHashes = new TextHashes();
  #finalUpTo = 0;

  constructor(stream: StreamEngine) {
    this.#stream = stream;
    const fields = stream.spec.fields;
    this.#fieldOf = new Map(fields.map((field, at) => [field.name, at]));
    this.#counterOf = new Map(stream.counters.map((field, at) => [fields[field].name, at]));
  }

  /** Buckets that end at `finalUpTo` or before are final. */
  open(seq: number, finalUpTo: number): void {
    this.#textHashes.forget();
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
      if (rollup.layouts.some(({ kinds }) => kinds.includes('share') || kinds.includes('portions')))
        this.#share(block, rollup.widthMs);
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
    const { finalBucket, seq } = this.#change;
    for (let i = 0; i < block.n; i++) if (block.buckets[i] <= finalBucket) table.addLate(block.slots[i], seq);
  }

  #accumulate(
    block: Block,
    columns: SectionColumns,
    table: PartialTable,
    part: SlotPart,
    rollup: RollupState,
  ): void {
    if (part.kind === 'register') this.#register(block, table, part);
    else if (part.kind === 'share' || part.kind === 'portions') this.#addShares(block, table, part, rollup);
    else if (part.kind === 'area' || part.kind === 'stood')
      standBlock(table, part, block, this.#counterOf.get(part.field)!, this.#change, rollup.changed.onTime);
    else if (part.kind === 'uniques') this.#addUniques(block, columns, table, part);
    else if (part.kind === 'tops') this.#addTops(block, columns, table, part);
    else if (part.kind === 'quality') this.#addQualities(block, table, part);
    // What came again is no part of a block.
    else if (part.kind !== 'repeats') this.#addValues(block, columns, table, part);
  }

  #addQualities(block: Block, table: PartialTable, part: SlotPart): void {
    const c = this.#counterOf.get(part.field)!;
    const rule = part.quality!;
    for (const { reading, resets } of block.marked[c]) {
      const interval = this.#intervalOf(block, c, reading);
      interval.resets = resets;
      addQuality(table, part, block.groups[reading], rule, interval, 1);
    }
  }

  /** A reading that is counted already came again. */
  repeat(key: number, tuple: number, time: number): void {
    const { rollups, active } = this.#stream;
    for (let r = 0; r < rollups.length; r++)
      for (let g = 0; g < rollups[r].groups.length; g++)
        for (const part of rollups[r].plans[g].parts) {
          if (part.kind !== 'repeats') continue;
          const table = active.tables[r][g];
          const group = rollups[r].groups[g].groupOf(key, tuple);
          table.addToExtra(table.slotOf(group, Math.floor(time / table.widthMs)), part.extra, 1);
        }
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
      case 'squares':
        addSquareSum(table, part, slots, values, n);
        break;
      case 'quantiles':
        addQuantiles(table, part, slots, values, n);
        break;
    }
  }

  #addUniques(block: Block, columns: SectionColumns, table: PartialTable, part: SlotPart): void {
    const { keys, spec } = this.#stream;
    const column = columns.columns[this.#fieldOf.get(part.field) ?? -1] ?? null;
    if (part.field === spec.keyField) hashKeys(block, keys);
    else if (column?.kind === 'text') hashTexts(block, column, this.#textHashes.of(column.dictionary));
    else {
      this.#values(block, columns, part.field);
      hashNumbers(block.field, block.n);
    }
    addUniques(table, part, block.slots, block.field, block.n);
  }

  #addTops(block: Block, columns: SectionColumns, table: PartialTable, part: SlotPart): void {
    const column = columns.columns[this.#fieldOf.get(part.field) ?? -1] ?? null;
    if (column?.kind !== 'text') return;
    addTops(table, part, block, column, this.#textHashes.of(column.dictionary), this.#stream.keys);
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
    const amounts = block.amounts[c];
    const judged = block.judged[c];
    const { maxGapMs } = this.#stream.rules[c];
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (Number.isNaN(value)) continue;
      let corr = 0;
      let rest = 0;
      // All false for NaN: the first reading of a chain has no interval.
      const other = judged && Math.abs(amounts[i] - (value - beforeV[i])) > 0;
      if (other || times[i] - beforeT[i] > maxGapMs) {
        const interval = this.#intervalOf(block, c, i);
        corr = correctionOf(interval, maxGapMs);
        rest = restOf(interval, maxGapMs);
      }
      takePoint(table, part, slots[i], offsets[i], value + 0, corr, rest);
    }
  }

  /** What ends in a reading of the block. */
  #intervalOf(block: Block, c: number, i: number): Interval {
    const interval = this.#interval;
    interval.fromT = block.beforeT[c][i];
    interval.fromV = block.beforeV[c][i];
    interval.toT = block.times[i];
    interval.toV = block.values[c][i];
    interval.amount = block.judged[c] ? block.amounts[c][i] : interval.toV - interval.fromV;
    interval.resets = 0;
    return interval;
  }

  /** What of each reading's interval ends in its own bucket: the same for every group-by. HOT */
  #share(block: Block, widthMs: number): void {
    for (let c = 0; c < block.values.length; c++) {
      const { n, times, buckets } = block;
      const values = block.values[c];
      const beforeT = block.beforeT[c];
      const beforeV = block.beforeV[c];
      const amounts = block.amounts[c];
      const judged = block.judged[c];
      const shares = block.shares[c];
      const { maxGapMs } = this.#stream.rules[c];
      for (let i = 0; i < n; i++) {
        if (Number.isNaN(values[i]) || Number.isNaN(beforeT[i])) shares[i] = Number.NaN;
        else {
          const amount = judged ? amounts[i] : values[i] - beforeV[i];
          shares[i] = lastShare(beforeT[i], times[i], amount, buckets[i] * widthMs, maxGapMs);
        }
      }
    }
  }

  #addShares(block: Block, table: PartialTable, part: SlotPart, rollup: RollupState): void {
    const c = this.#counterOf.get(part.field)!;
    addSum(table, part, block.slots, block.shares[c], block.n);
    const { n, times, buckets } = block;
    const values = block.values[c];
    const beforeT = block.beforeT[c];
    const { maxGapMs } = this.#stream.rules[c];
    const span = rollup.changed.onTime;
    for (let i = 0; i < n; i++) {
      // False for NaN: without a reading before there is nothing to spread.
      if (Number.isNaN(values[i]) || !(beforeT[i] < buckets[i] * table.widthMs)) continue;
      if (times[i] - beforeT[i] > maxGapMs) continue;
      const interval = this.#intervalOf(block, c, i);
      spread(table, part, block.groups[i], interval, maxGapMs, 1, false, this.#change);
      if (beforeT[i] < span.from) span.from = beforeT[i];
    }
  }

  /**
   * What ends in a reading that is counted already has changed, since one came between, or is judged otherwise: what the
   * old interval put into the buckets is taken out, and the new one put in, with the dimensions of the reading that it
   * ends in. There was no old interval where the reading was the first of its chain.
   */
  repair(key: number, c: number, tuple: number, old: Interval | null, now: Interval): void {
    const { rollups, active, rules } = this.#stream;
    const { maxGapMs } = rules[c];
    for (let r = 0; r < rollups.length; r++) {
      const rollup = rollups[r];
      this.#change.finalBucket = this.#finalBucket(rollup.widthMs);
      const span = rollup.changed.late;
      if (now.toT > span.to) span.to = now.toT;
      if (now.fromT < span.from) span.from = now.fromT;
      for (let g = 0; g < rollup.groups.length; g++)
        for (const part of rollup.plans[g].parts) {
          if (this.#counterOf.get(part.field) !== c) continue;
          const table = active.tables[r][g];
          if (part.kind === 'register') this.#repairRegister(table, part, key, maxGapMs, old, now);
          else this.#repairPart(table, part, rollup.groups[g].groupOf(key, tuple), maxGapMs, old, now);
        }
    }
  }

  #repairPart(
    table: PartialTable,
    part: SlotPart,
    group: number,
    maxGapMs: number,
    old: Interval | null,
    now: Interval,
  ): void {
    const change = this.#change;
    if (part.kind === 'quality') {
      if (old !== null) addQuality(table, part, group, part.quality!, old, -1);
      addQuality(table, part, group, part.quality!, now, 1);
    } else if (part.kind === 'share' || part.kind === 'portions') {
      if (old !== null) spread(table, part, group, old, maxGapMs, -1, true, change);
      spread(table, part, group, now, maxGapMs, 1, true, change);
    } else if (part.kind === 'area' || part.kind === 'stood') {
      if (old !== null) stand(table, part, group, old, -1, change);
      stand(table, part, group, now, 1, change);
    }
  }

  #repairRegister(
    table: PartialTable,
    part: SlotPart,
    key: number,
    maxGapMs: number,
    old: Interval | null,
    now: Interval,
  ): void {
    const corr = correctionOf(now, maxGapMs) - (old === null ? 0 : correctionOf(old, maxGapMs));
    const rest = restOf(now, maxGapMs) - (old === null ? 0 : restOf(old, maxGapMs));
    if (corr === 0 && rest === 0) return;
    const { toT, toV } = now;
    const bucket = Math.floor(toT / table.widthMs);
    const slot = table.slotOf(key, bucket);
    takePoint(table, part, slot, toT - bucket * table.widthMs, toV, corr, rest);
    if (bucket <= this.#change.finalBucket) table.revise(slot, this.#change.seq);
  }
}
