import type { Cell } from './row.ts';

/**
 * CSV as RFC 4180 has it: fields with commas, quotes or line ends stand in quotes, a quote is doubled. Nothing between
 * two commas is null, two quotes are an empty text.
 */
export function csvLine(cells: Cell[]): string {
  return `${cells.map(csvField).join(',')}\n`;
}

function csvField(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A record longer than this is no row of ours: it is refused before it takes the memory. */
const RECORD_MAX = 1024 * 1024;

/** Splits text that comes in pieces of any size into records of fields; null is a field of nothing. */
export class CsvSplitter {
  #field = '';
  #quoted = false;
  /** A quote was closed, or stands first of two. */
  #closing = false;
  #wasQuoted = false;
  #fields: (string | null)[] = [];
  #length = 0;
  #afterReturn = false;

  *push(text: string): Generator<(string | null)[]> {
    for (const character of text) {
      if (++this.#length > RECORD_MAX) throw new Error(`a record of more than ${RECORD_MAX} characters`);
      if (this.#quoted && !this.#closing) {
        if (character === '"') this.#closing = true;
        else this.#field += character;
        continue;
      }
      if (this.#closing && character === '"') {
        this.#field += '"';
        this.#closing = false;
        continue;
      }
      if (this.#closing) {
        this.#closing = false;
        this.#quoted = false;
      }
      if (character === '"' && this.#field === '') {
        this.#quoted = true;
        this.#wasQuoted = true;
      } else if (character === ',') this.#endField();
      else if (character === '\n' && this.#afterReturn && this.#isFresh()) {
        // The second half of a line's end.
      } else if (character === '\n' || character === '\r') yield this.#endRecord();
      else this.#field += character;
      this.#afterReturn = character === '\r';
    }
  }

  /** What the last line without an end holds; null when there is none. */
  end(): (string | null)[] | null {
    if (this.#quoted && !this.#closing) throw new Error('a quote is not closed');
    return this.#isFresh() ? null : this.#endRecord();
  }

  #isFresh(): boolean {
    return this.#fields.length === 0 && this.#field === '' && !this.#wasQuoted;
  }

  #endField(): void {
    this.#fields.push(this.#field === '' && !this.#wasQuoted ? null : this.#field);
    this.#field = '';
    this.#wasQuoted = false;
    this.#quoted = false;
  }

  #endRecord(): (string | null)[] {
    this.#closing = false;
    this.#endField();
    const record = this.#fields;
    this.#fields = [];
    this.#length = 0;
    return record;
  }
}
