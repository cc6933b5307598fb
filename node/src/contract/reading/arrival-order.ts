import type { Rows } from './cut-sections.ts';
import type { LogRecord } from './section.ts';

/** Hashes are not written; those of the builder belong to its next group by the time a record is. */
export type WrittenRows = Omit<Rows, 'keyHashes'>;

/**
 * The readings of a record in the order in which they came, one entry a layout, as the builder had them before it cut
 * them into sections. Neighbours in that order are alike, so a record written in it is smaller, and writing it needs
 * no merge of its sections. It goes with the record's object only: a copy of the record is written by its sections.
 */
const known = new WeakMap<LogRecord, WrittenRows[]>();

export function keepArrivalOrder(record: LogRecord, rows: WrittenRows[]): void {
  known.set(record, rows);
}

export function inArrivalOrder(record: LogRecord): WrittenRows[] | undefined {
  return known.get(record);
}
