import { LineCounter, parseDocument } from 'yaml';
import { FaultList } from './fault-list.ts';
import type { SiteFault } from './faults.ts';
import type { Site } from './model.ts';
import { resolveSite } from './resolve-site.ts';
import { type Draft, type SiteFile, SiteSchema } from './schema.ts';
import type { SchemaNode } from './schema-node.ts';
import { Walk } from './walk.ts';

/** The five worlds that ship are below 10 KiB each. */
export const SITE_FILE_MAX = 256 * 1024;

export type ParsedSite = { site: Site; faults: [] } | { site: null; faults: SiteFault[] };

/** Reads a site file; the site is frozen, or there is at least one fault, and then all of them. */
export function parseSite(text: string, fileName: string): ParsedSite {
  const lines = new LineCounter();
  const faults = new FaultList(fileName, lines);
  const site = text.length > SITE_FILE_MAX ? tooLarge(text, faults) : read(text, fileName, lines, faults);
  const found = faults.sorted();
  if (found.length > 0 || site === null) return { site: null, faults: found };
  return { site: deepFreeze(site), faults: [] };
}

function tooLarge(text: string, faults: FaultList): null {
  faults.atOffset(
    0,
    '',
    `the file has ${text.length} characters`,
    `a site file has at most ${SITE_FILE_MAX}`,
  );
  return null;
}

function read(text: string, fileName: string, lines: LineCounter, faults: FaultList): Site | null {
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
  const file = new Walk(document, faults).value(SiteSchema as SchemaNode, document.contents, '');
  return file === undefined ? null : resolveSite(file as Draft<SiteFile>, fileName, faults);
}

const HINTS: Record<string, string> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'keys of one map stand in one column',
  MULTIPLE_DOCS: 'a site is one document: take out the line ---',
  MISSING_CHAR: 'look for a missing quote, bracket or comma; inside [ ] and { } a text with braces is quoted',
};

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
