/** One fault of a site file. `weir check --json` prints these as they are. */
export interface SiteFault {
  file: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units as editors count. */
  column: number;
  /** Where in the file's tree: `streams.electricity.lateness`; empty for the file as a whole. */
  path: string;
  message: string;
  suggestion: string | null;
}

/** One line a fault, in the form that editors and terminals make clickable. Ends with a newline if there is any. */
export function formatFaults(faults: readonly SiteFault[]): string {
  let text = '';
  for (const fault of faults) {
    const more = fault.suggestion === null ? '' : `; ${fault.suggestion}`;
    text += `${printable(fault.file)}:${fault.line}:${fault.column}  ${fault.message}${more}\n`;
  }
  return text;
}

/** What came from the file, in quotes, on one line and short: a fault must not forge lines of a log. */
export function quoted(text: string): string {
  const cut = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return `"${printable(cut)}"`;
}

function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

// Control characters, the line separators, and the marks that turn the direction of a text.
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** `a, b or c`. */
export function choice(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`;
}
