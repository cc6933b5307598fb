/** Rows of a file: readings or buckets, as they are exported, archived and imported. */

export type Cell = string | number | boolean | null;
export type Row = Record<string, Cell>;

export interface ColumnSpec {
  name: string;
  /** `time`: epoch milliseconds. */
  type: 'time' | 'number' | 'text' | 'bool';
}

export const FORMATS = ['csv', 'ndjson', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];

/** By the end of a file's name; null when it tells nothing. */
export function formatOf(file: string): Format | null {
  return FORMATS.find((format) => file.endsWith(`.${format}`)) ?? null;
}

/** What a text of a file without types says of a column: the same as what was written, or null when it cannot be. */
export function cellOf(text: string | null, type: ColumnSpec['type']): Cell {
  if (text === null) return null;
  switch (type) {
    case 'time':
    case 'number': {
      const value = Number(text);
      return text.trim() === '' || Number.isNaN(value) ? null : value;
    }
    case 'bool':
      return text === 'true' ? true : text === 'false' ? false : null;
    default:
      return text;
  }
}
