import { encodeGroup, entryKey } from '../contract/measures/entry-key.ts';
import { decodeMark } from '../contract/measures/merge-for.ts';
import { ONLY_PERIOD, TABLES } from '../contract/measures/tables.ts';
import type { RunView } from './run-store.ts';

/** Name, beside a stream's, of the record up to which a shadow's beginnings have what is of before them. */
export const SEEDED_MARK = 'seeded';

/** A mark as the store has it: under its stream's name alone that is the watermark. */
export function storedMark(view: RunView, ...name: string[]): number {
  const marks = view.get(TABLES.marks, ONLY_PERIOD, entryKey(encodeGroup(name)));
  return marks.reduce((most, value) => Math.max(most, decodeMark(value)), Number.NEGATIVE_INFINITY);
}
