import type { Batch, BatchColumn } from '../reading/batch.ts';
import type { FieldSpec, SourceSpec, StreamSpec } from '../site/model.ts';

/** What a name in the payload stands for. Plain numbers, since enums do not survive type stripping. */
export const KEY = 0;
export const TIME = 1;
export const NUMBER = 2;
export const BOOL = 3;
export const TEXT = 4;
/** A name that the stream does not know, or that the topic fills: its value is walked over. */
export const OTHER = 5;

export interface Slot {
  kind: number;
  /** The name in UTF-8. */
  name: Uint8Array;
  /** The name needs no escapes, so its bytes can be compared with those between two quotes. */
  plain: boolean;
  decimals: number;
  /** Null: the number is kept as it stands. */
  multiplier: FieldSpec['multiplier'] | null;
  /** Null for the key, the time and OTHER. */
  column: BatchColumn | null;
  /** Set while the newest value of this name in the object under way is no good: a code of `FAULTS`. */
  fault: number;
}

/** The names that a payload of this source may fill; what the topic fills is not among them. */
export function slotsOf(stream: StreamSpec, source: SourceSpec, batch: Batch): Slot[] {
  const fromTopic = new Set(source.topicFields.map((level) => level.field));
  const slots: Slot[] = [];
  const add = (
    name: string,
    kind: number,
    decimals: number,
    column: BatchColumn | null,
    multiplier: Slot['multiplier'] = null,
  ) => {
    if (fromTopic.has(name)) return;
    const plain = JSON.stringify(name) === `"${name}"`;
    slots.push({ kind, name: new TextEncoder().encode(name), plain, decimals, multiplier, column, fault: 0 });
  };
  add(stream.keyField, KEY, 0, null);
  if (stream.timeField !== null) add(stream.timeField, TIME, 0, null);
  stream.fields.forEach((field, at) => {
    const kind = field.type === 'text' ? TEXT : field.type === 'bool' ? BOOL : NUMBER;
    const multiplier = kind === NUMBER ? field.multiplier : null;
    add(field.name, kind, kind === NUMBER ? field.decimals : 0, batch.columns[at], multiplier ?? null);
  });
  return slots;
}
