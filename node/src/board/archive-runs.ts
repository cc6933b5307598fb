import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ArchivedRun } from '../shard/archive-messages.ts';

const VERSION = 1;

/** Raw readings in files, without a gap up to a record of the log, and why there are none before them. */
export interface ArchivedRaw {
  runs: ArchivedRun[];
  /** Null where they begin with the first record of all. */
  why: string | null;
}

/**
 * Which records of the log are in which files of the archive, a line a run. It stands in the data directory, beside the
 * log that it is about. A run that a crash cut short is written again: of two with the same first record the later counts.
 * Bounded by the runs, which are one an hour at the most.
 */
export class ArchiveRuns {
  readonly #file: string;
  readonly #byFirst = new Map<number, ArchivedRun>();

  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const run = parsed(line);
      if (run !== null) this.#byFirst.set(run.from, run);
    }
  }

  /** Durable when it returns. */
  append(run: ArchivedRun): void {
    const handle = openSync(this.#file, 'a', 0o640);
    try {
      // Begins with the end of a line, so that one that a power cut tore does not spoil this one.
      const bytes = Buffer.from(`\n${JSON.stringify({ version: VERSION, ...run })}\n`);
      for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    this.#byFirst.set(run.from, run);
  }

  /** What came of the streams before a record, as far back as nothing is missing; null where nothing was archived. */
  before(record: number, streams: string[]): ArchivedRaw | null {
    if (this.#byFirst.size === 0) return null;
    const runs: ArchivedRun[] = [];
    let next = record;
    let why: string | null = null;
    for (const run of [...this.#byFirst.values()].sort((a, b) => b.from - a.from)) {
      if (run.from >= next || run.to < next - 1) continue;
      why = whyNot(run, streams);
      // Another one may reach over the same records.
      if (why !== null) continue;
      runs.unshift(run);
      next = run.from;
    }
    if (next > 1) why ??= `record ${next - 1} of the log was not archived`;
    return { runs, why };
  }
}

function whyNot(run: ArchivedRun, streams: string[]): string | null {
  if (run.damaged > 0) return `${run.damaged} of the records ${run.from} to ${run.to} could not be archived`;
  const left = run.left.find((stream) => streams.includes(stream));
  if (left !== undefined)
    return `readings of ${left} in the records ${run.from} to ${run.to} are not in the archive as a whole`;
  for (const { file, bytes } of run.files) {
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found?.isFile() || found.size !== bytes) return `${file} is not there, or is not what was archived`;
  }
  return null;
}

/** The list may be out of a backup: a line that is none of this form counts as little as one that a power cut tore. */
const Line = Type.Object({
  version: Type.Literal(VERSION),
  from: Type.Integer({ minimum: 1 }),
  to: Type.Integer({ minimum: 1 }),
  damaged: Type.Integer(),
  files: Type.Array(
    Type.Object({
      stream: Type.String(),
      file: Type.String(),
      rows: Type.Integer(),
      bytes: Type.Integer(),
      crc: Type.Integer(),
    }),
  ),
  left: Type.Array(Type.String()),
  wallMs: Type.Union([Type.Number(), Type.Null()]),
  trustedTo: Type.Number(),
});

/** Null for a run that was not noted as archived: it is written again. */
function parsed(line: string): ArchivedRun | null {
  if (line === '') return null;
  try {
    const found: unknown = JSON.parse(line);
    if (!Value.Check(Line, found)) return null;
    const { version: _, ...run } = found;
    return run;
  } catch (fault) {
    if (fault instanceof SyntaxError) return null;
    throw fault;
  }
}
