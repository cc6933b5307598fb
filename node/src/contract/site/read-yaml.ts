import { LineCounter, parseDocument } from 'yaml';
import { FaultList } from './fault-list.ts';
import type { SchemaNode } from './schema-node.ts';
import { Walk } from './walk.ts';

/** What the file is called in its faults, and how much of it is read. */
export interface YamlForm {
  schema: object;
  /** `a site file`. */
  is: string;
  maxChars: number;
}

/**
 * Reads a YAML file along a schema. Every fault is in the list, with its place; `draft` holds what was right, or null
 * when the file as a whole cannot be read.
 */
export function readYaml(
  text: string,
  fileName: string,
  form: YamlForm,
): { draft: unknown; faults: FaultList } {
  const lines = new LineCounter();
  const faults = new FaultList(fileName, lines);
  if (text.length > form.maxChars) {
    const [has, may] = [`the file has ${text.length} characters`, `${form.is} has at most ${form.maxChars}`];
    faults.atOffset(0, '', has, may);
    return { draft: null, faults };
  }
  return { draft: walk(text, form.schema as SchemaNode, lines, faults), faults };
}

function walk(text: string, schema: SchemaNode, lines: LineCounter, faults: FaultList): unknown {
  // Keys that stand twice are found by the walk: the library compares every key with every other.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    schema: 'core',
    merge: false,
    logLevel: 'silent',
  });
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    // The library reports nesting past its stack as it comes from the engine.
    const deep = message.startsWith('Maximum call stack');
    faults.atOffset(
      pos[0],
      '',
      deep ? 'the file is nested too deeply' : `not YAML: ${message}`,
      HINTS[code] ?? null,
    );
  }
  // Broken YAML is guessed at by the parser; faults found in guesses would only mislead.
  if (document.errors.length > 0 || document.warnings.length > 0) return null;
  if (document.contents === null) {
    faults.atOffset(0, '', 'the file is empty', 'begin with weir: 1');
    return null;
  }
  return new Walk(document, faults).value(schema, document.contents, '') ?? null;
}

const HINTS: Record<string, string> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'keys of one map stand in one column',
  MULTIPLE_DOCS: 'one file is one document: take out the line ---',
  MISSING_CHAR: 'look for a missing quote, bracket or comma; inside [ ] and { } a text with braces is quoted',
};
