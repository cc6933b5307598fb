import { isStrictDecimal, scaledIn } from '../contract/codec/decimal.ts';
import { LIMITS } from '../contract/limits.ts';
import type { KnownSwap } from '../contract/measures/swaps-entry.ts';
import type { Section, StreamLayout } from '../contract/reading/section.ts';
import type { FieldSpec } from '../contract/site/model.ts';
import type { SwapPoint } from './judgement.ts';

/** Swaps of one key: what was recorded, and what of it stands. */
export interface KeySwaps {
  known: KnownSwap[];
  /** By counter, ascending. */
  points: SwapPoint[][];
}

/** Rows of a section of the stream of swaps. */
export interface SwapRow {
  stream: string;
  undo: boolean;
  key: number;
  swap: KnownSwap;
}

export function swapRows(section: Section, layout: StreamLayout, wallMs: number): SwapRow[] {
  const texts = (name: string, row: number) => {
    const column = section.columns[layout.fields.findIndex((field) => field.name === name)];
    if (column === undefined || column.kind !== 'text') return '';
    const entry = column.index[row];
    return entry === 0 ? '' : column.dictionary[entry - 1];
  };
  const rows: SwapRow[] = [];
  for (let row = 0; row < section.rows; row++)
    rows.push({
      stream: texts('stream', row),
      undo: texts('undo', row) === 'yes',
      key: section.keyIndex[row],
      swap: {
        id: texts('id', row),
        field: texts('field', row),
        at: section.times[row],
        last: texts('last', row),
        first: texts('first', row),
        by: texts('by', row),
        note: texts('note', row),
        recordedAt: wallMs,
        undone: null,
      },
    });
  return rows;
}

/** What stands of a key's swaps, for one counter. */
export function pointsOf(known: KnownSwap[], field: FieldSpec): SwapPoint[] {
  return known
    .filter((swap) => swap.undone === null && swap.field === field.name)
    .map(({ at, last, first }) => ({ at, last: scaled(last, field), first: scaled(first, field) }))
    .filter(({ last, first }) => Math.abs(last) <= LIMITS.scaledMax && Math.abs(first) <= LIMITS.scaledMax)
    .sort((a, b) => a.at - b.at || a.last - b.last || a.first - b.first);
}

/** NaN for what is no number. */
function scaled(text: string, field: FieldSpec): number {
  const bytes = new TextEncoder().encode(text);
  return isStrictDecimal(bytes, 0, bytes.length) ? scaledIn(bytes, 0, bytes.length, field) : Number.NaN;
}
