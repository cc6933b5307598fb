import { type Line, lowerBound, type Table } from './table.ts';

type Values = (number | null)[];

/** What uPlot draws of one line: four columns over the same times. */
export interface LineColumns {
  /** Final: drawn solid. */
  settled: Values;
  /** May still change: drawn lighter, from the last settled point on. */
  moving: Values;
  /** Mostly counted over a gap and spread over it: dotted, over hatching. */
  guessed: Values;
  /** The bucket that is filling now, of a measure that grows while it fills; a line to it would plunge each time. */
  filling: Values;
}

export interface Columns {
  /** Starts of the buckets. */
  x: number[];
  stepMs: number;
  lines: LineColumns[];
}

/**
 * Lines the buckets up over one axis. A bucket that is missing becomes a null, which uPlot leaves open: silence is a
 * gap and never a zero.
 */
export function columnsOf(
  table: Table,
  options: { nowMs: number; additive: boolean; latenessMs: number },
): Columns {
  const x = withGaps(unionOfTimes(table.lines), table.stepMs);
  const saidUpTo = table.watermark ?? options.nowMs;
  const lines = table.lines.map((line) => split(line, x, table.stepMs, saidUpTo, options));
  return { x, stepMs: table.stepMs, lines };
}

function unionOfTimes(lines: readonly Line[]): number[] {
  if (lines.length === 1) return lines[0].time;
  const all = new Set<number>();
  for (const line of lines) for (const time of line.time) all.add(time);
  return [...all].sort((a, b) => a - b);
}

/** Local days have up to 25 hours, so a gap is more than a step and a half. */
function withGaps(times: readonly number[], stepMs: number): number[] {
  const x: number[] = [];
  for (let i = 0; i < times.length; i++) {
    x.push(times[i]);
    if (times[i + 1] - times[i] > 1.5 * stepMs) x.push(times[i] + stepMs);
  }
  return x;
}

function split(
  line: Line,
  x: readonly number[],
  stepMs: number,
  saidUpTo: number,
  { additive, latenessMs }: { additive: boolean; latenessMs: number },
): LineColumns {
  const columns: LineColumns = { settled: [], moving: [], guessed: [], filling: [] };
  const value: Values = [];
  const isFinal: boolean[] = [];
  const isGuessed: boolean[] = [];
  let at = 0;
  for (let i = 0; i < x.length; i++) {
    const present = line.time[at] === x[i];
    const isFilling = additive && x[i] + stepMs > saidUpTo;
    value.push(present && !isFilling ? line.value[at] : null);
    columns.filling.push(present && isFilling ? line.value[at] : null);
    // The watermark moves on while nothing is told about a bucket that no reading touches any more.
    isFinal.push(present && (line.final[at] || saidUpTo >= x[i] + stepMs + latenessMs));
    isGuessed.push(present && line.estimated[at] > MOSTLY);
    if (present) at++;
  }
  for (let i = 0; i < x.length; i++) {
    const isHere = (at: number) => value[at] !== null && value[at] !== undefined;
    const isMoving = (at: number) => isHere(at) && !isFinal[at] && !isGuessed[at];
    columns.settled.push(isFinal[i] && !isGuessed[i] ? value[i] : null);
    columns.moving.push(touches(value, i, isMoving) ? value[i] : null);
    columns.guessed.push(touches(value, i, (at) => isHere(at) && isGuessed[at]) ? value[i] : null);
  }
  return columns;
}

/** A bucket is called estimated when more than half of it is. */
export const MOSTLY = 0.5;

/** A settled point beside one of another kind belongs to both, so that the line does not break between them. */
function touches(value: Values, i: number, isOne: (at: number) => boolean): boolean {
  return value[i] !== null && (isOne(i) || isOne(i - 1) || isOne(i + 1));
}

/** What one line says about the bucket that starts at a time. */
export interface Reading {
  value: number | null;
  state: 'final' | 'moving' | 'filling' | 'none';
  revision: number;
  estimated: number;
}

export function readingAt(
  table: Table,
  line: Line,
  time: number,
  options: { nowMs: number; latenessMs: number },
): Reading {
  const at = lowerBound(line.time, time);
  if (line.time[at] !== time || line.value[at] === null)
    return { value: null, state: 'none', revision: 0, estimated: 0 };
  const saidUpTo = table.watermark ?? options.nowMs;
  const end = time + table.stepMs;
  const isFinal = line.final[at] || saidUpTo >= end + options.latenessMs;
  return {
    value: line.value[at],
    state: isFinal ? 'final' : end > saidUpTo ? 'filling' : 'moving',
    revision: line.revision[at],
    estimated: line.estimated[at],
  };
}
