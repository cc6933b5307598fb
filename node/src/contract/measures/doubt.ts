import type { ByteReader, ByteWriter } from './byte-writer.ts';

/**
 * The state of a register after one of its readings, where the reading alone does not tell it: the reading is under
 * suspicion, or another one is the anchor (docs/decisions/006). It is kept with the reading, so that the judgement can go
 * on from any reading that is left, whatever has been forgotten before it. Few readings have one.
 */
export interface Doubt {
  /** Place of the register among the counters. */
  counter: number;
  /** The reading: time, value, id, and boot or NaN. */
  t: number;
  v: number;
  id: number;
  boot: number;
  /** Sequence of the record that brought it about; of two about one reading the newer one counts. */
  seq: number;
  /** False: what was in doubt no longer is; the reading is the anchor. */
  open: boolean;
  suspect: boolean;
  /** The reading that counts; the reading itself when nothing is open. */
  anchorT: number;
  anchorV: number;
  anchorBoot: number;
}

/** Which reading, and which of its registers. */
export type DoubtPlace = Pick<Doubt, 'counter' | 't' | 'v' | 'id'>;

const OPEN = 1;
const SUSPECT = 2;
const BOOT = 4;
const ANCHOR_BOOT = 8;

export function writeDoubts(writer: ByteWriter, doubts: Doubt[]): void {
  writer.unsigned(doubts.length);
  for (const doubt of doubts) {
    const { open, suspect, boot, anchorBoot } = doubt;
    writer.byte(doubt.counter);
    writer.byte(
      (open ? OPEN : 0) |
        (suspect ? SUSPECT : 0) |
        (Number.isNaN(boot) ? 0 : BOOT) |
        (open && !Number.isNaN(anchorBoot) ? ANCHOR_BOOT : 0),
    );
    writer.signed(doubt.t);
    writer.signed(doubt.v);
    writer.unsigned(doubt.id);
    writer.unsigned(doubt.seq);
    if (!Number.isNaN(boot)) writer.signed(boot);
    if (!open) continue;
    writer.signed(doubt.t - doubt.anchorT);
    writer.signed(doubt.anchorV);
    if (!Number.isNaN(anchorBoot)) writer.signed(anchorBoot);
  }
}

export function readDoubts(reader: ByteReader): Doubt[] {
  const doubts: Doubt[] = [];
  for (let left = reader.count(reader.left); left > 0; left--) {
    const counter = reader.byte();
    const flags = reader.byte();
    const [t, v, id, seq] = [reader.signed(), reader.signed(), reader.unsigned(), reader.unsigned()];
    const boot = flags & BOOT ? reader.signed() : Number.NaN;
    const open = (flags & OPEN) !== 0;
    const anchorT = open ? t - reader.signed() : t;
    const anchorV = open ? reader.signed() : v;
    const anchorBoot = !open ? boot : flags & ANCHOR_BOOT ? reader.signed() : Number.NaN;
    const suspect = (flags & SUSPECT) !== 0;
    doubts.push({ counter, t, v, id, boot, seq, open, suspect, anchorT, anchorV, anchorBoot });
  }
  return doubts;
}

/** By register, then in the order of its chain; 0 when both are about one reading. */
export function compareDoubts(a: DoubtPlace, b: DoubtPlace): number {
  return a.counter - b.counter || a.t - b.t || a.v - b.v || a.id - b.id;
}

/** In one order, and of each reading the newest. Of the same sequence the later one in the list is newer. */
export function mergeDoubts(doubts: Doubt[]): Doubt[] {
  const merged: Doubt[] = [];
  for (const doubt of doubts.toSorted((a, b) => compareDoubts(a, b) || a.seq - b.seq)) {
    const before = merged.at(-1);
    if (before !== undefined && compareDoubts(before, doubt) === 0) merged.pop();
    merged.push(doubt);
  }
  return merged;
}
