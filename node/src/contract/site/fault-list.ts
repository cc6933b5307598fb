import type { LineCounter } from 'yaml';
import type { SiteFault } from './faults.ts';

/** More than anybody reads; a file of garbage must not make an answer without end. */
const FAULTS_MAX = 100;

/** Offsets in the text of a key and of its value. `plain`: the text of the value stands there as it is. */
export interface Place {
  key: number;
  value: number;
  plain: boolean;
}

/** Gathers faults while the file is walked and judged, and knows where each part of it stands. */
export class FaultList {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #faults: SiteFault[] = [];
  readonly #places = new Map<string, Place>();
  readonly #seen = new Set<string>();

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  place(path: string, place: Place): void {
    this.#places.set(path, place);
  }

  /** At the value of a part of the file; `within` is a position inside its text. */
  at(path: string, message: string, suggestion: string | null = null, within = 0): void {
    const place = this.#places.get(path);
    if (place === undefined) this.atKey(path, message, suggestion);
    else this.atOffset(place.value + (place.plain ? within : 0), path, message, suggestion);
  }

  atKey(path: string, message: string, suggestion: string | null = null): void {
    // A default stands nowhere: its fault is told where the part is that was given no value.
    let near = path;
    while (near !== '' && !this.#places.has(near)) near = near.slice(0, Math.max(0, near.lastIndexOf('.')));
    this.atOffset(this.#places.get(near)?.key ?? 0, path, message, suggestion);
  }

  atOffset(offset: number, path: string, message: string, suggestion: string | null = null): void {
    const { line, col } = this.#lines.linePos(offset);
    // An aliased part is judged wherever it is used; its faults are told once.
    const once = `${line}:${col}:${message}`;
    if (this.#seen.has(once) || this.#faults.length >= FAULTS_MAX) return;
    this.#seen.add(once);
    this.#faults.push({
      file: this.#file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      path,
      message,
      suggestion,
    });
  }

  lineOf(offset: number): number {
    return this.#lines.linePos(offset).line;
  }

  /** In the order of the file. */
  sorted(): SiteFault[] {
    return this.#faults.sort((a, b) => a.line - b.line || a.column - b.column);
  }
}
