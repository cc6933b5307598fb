import type { RollupAnswer } from '@weir/node/contract';
import type { Group } from './oracle.ts';
import type { Reading } from './readings.ts';

/** Quantiles are right within this share of themselves. */
const QUANTILE_ERROR = 0.01;
/** What is no whole number goes through a division or a root: equal but for the last digits. */
const ROUNDING = 1e-9;
const UNIT = 1000;

const groupOf: Record<Group, (reading: Reading) => string> = {
  meter: ({ meter }) => meter,
  state: ({ state }) => state,
  all: () => '',
};

/**
 * Holds an answer of the measures' site against what its measures mean, worked out from the readings themselves: every
 * bucket of every series. Answers what is wrong, the first few.
 */
export function checkMeasures(answer: RollupAnswer, readings: Reading[], group: Group): string[] {
  const wrong: string[] = [];
  const stood = standing(readings, group, answer.step);
  const served = new Map(answer.series.map((series) => [group === 'all' ? '' : series.by[group], series]));
  const cells = Map.groupBy(readings, (one) => `${groupOf[group](one)} ${bucketOf(one.ts, answer.step)}`);
  for (const cell of new Set([...cells.keys(), ...stood.keys()])) {
    const at = cell.lastIndexOf(' ');
    const series = served.get(cell.slice(0, at));
    const place = series?.time.indexOf(Number(cell.slice(at + 1))) ?? -1;
    if (!series || place < 0) {
      wrong.push(`${cell}: is not there`);
      continue;
    }
    const must = measuresOf(cells.get(cell) ?? [], stood.get(cell));
    for (const [name, right] of Object.entries(must)) {
      const is = series.values[name][place];
      if (!near(is, right, name)) wrong.push(`${cell}: ${name} is ${is}, must be ${right}`);
    }
    const list = series.lists?.often[place].map(({ value, count }) => [value, count]);
    const often = JSON.stringify(frequent(cells.get(cell) ?? []));
    if (JSON.stringify(list) !== often)
      wrong.push(`${cell}: often is ${JSON.stringify(list)}, must be ${often}`);
  }
  const buckets = answer.series.reduce((sum, { time }) => sum + time.length, 0);
  const expected = new Set([...cells.keys(), ...stood.keys()]).size;
  if (buckets !== expected) wrong.push(`${buckets} buckets are served, must be ${expected}`);
  return wrong.slice(0, 8);
}

function near(is: number | null, right: number | null, name: string): boolean {
  if (is === null || right === null) return is === right;
  const bound = name === 'half' || name === 'most' ? QUANTILE_ERROR : ROUNDING;
  return Math.abs(is - right) <= bound * Math.max(Math.abs(right), ROUNDING);
}

function measuresOf(cell: Reading[], stood: Standing | undefined): Record<string, number | null> {
  const time = stood === undefined ? null : stood.area / stood.ms / UNIT;
  if (cell.length === 0)
    return {
      readings: 0,
      mean: null,
      spread: null,
      half: null,
      most: null,
      stood: time,
      meters: null,
      each: null,
    };
  const values = cell.map(({ used }) => used).sort((a, b) => a - b);
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const at = (q: number) => values[Math.floor(q * (n - 1))] / UNIT;
  const meters = new Set(cell.map(({ meter }) => meter)).size;
  return {
    readings: n,
    mean: mean / UNIT,
    spread: Math.sqrt(squares / n) / UNIT,
    half: at(0.5),
    most: at(0.95),
    stood: time,
    meters,
    each: n / meters,
  };
}

function frequent(cell: Reading[]): [string, number][] {
  const counts = Map.groupBy(cell, ({ state }) => state);
  return [...counts]
    .map(([state, some]): [string, number] => [state, some.length])
    .sort(([s, n], [t, m]) => m - n || (s < t ? -1 : 1))
    .slice(0, 10);
}

interface Standing {
  area: number;
  ms: number;
}

/** Each value stands until the next reading of its meter, and belongs to that one's group. */
function standing(readings: Reading[], group: Group, widthMs: number): Map<string, Standing> {
  const cells = new Map<string, Standing>();
  for (const chain of Map.groupBy(readings, ({ meter }) => meter).values()) {
    chain.sort((a, b) => a.ts - b.ts);
    for (let at = 1; at < chain.length; at++) {
      const { used, ts } = chain[at - 1];
      const later = chain[at];
      for (let from = ts; from < later.ts; ) {
        const start = bucketOf(from, widthMs);
        const to = Math.min(later.ts, start + widthMs);
        const name = `${groupOf[group](later)} ${start}`;
        const cell = cells.get(name) ?? { area: 0, ms: 0 };
        cells.set(name, { area: cell.area + used * (to - from), ms: cell.ms + (to - from) });
        from = to;
      }
    }
  }
  return cells;
}

function bucketOf(ts: number, widthMs: number): number {
  return Math.floor(ts / widthMs) * widthMs;
}
