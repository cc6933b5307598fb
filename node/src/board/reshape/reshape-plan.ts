import { layoutOf, type RollupSpec, type Site, type StreamSpec } from '../../contract/index.ts';
import type { AccumulatorKind } from '../../contract/measures/kinds.ts';
import type { LayoutShift, StreamShift } from '../../contract/measures/shift.ts';
import type { Reshaping } from '../../engine/reshape-shard.ts';
import type { Since } from '../../engine/unknown-intervals.ts';
import { partsOf, readShape, type Shape, shapeOf, tablesOf } from '../kept-shape.ts';

/** What an edit that stored state cannot follow as it is makes anew: with places in what is stored. */
export interface ReshapePlan extends Pick<Reshaping, 'groups' | 'left' | 'streams'> {
  /** Rollups that are made anew out of raw. */
  rollups: string[];
  /** Streams that they count, and those whose history is another. */
  read: string[];
}

/** Where the shadow of an edit begins, or, without one, that of what is stored as it is; null: with all there ever was. */
export function sinceOf(plan: ReshapePlan | null, ms: number | null): Since | null {
  if (ms === null) return null;
  const added = (plan?.streams ?? []).map(({ stream, shift }) => [
    stream,
    shift.counters.flatMap((was, c) => (was < 0 ? [c] : [])),
  ]);
  return { ms, newCounters: Object.fromEntries(added) };
}

/** The same of the shape that is noted in a data directory; null also where nothing is stored. */
export function plannedReshape(shapeFile: string, after: Site): ReshapePlan | null {
  const kept = readShape(shapeFile);
  return kept === null ? null : reshapePlan(kept, after);
}

/** Null where the stored tables fit as they are. */
export function reshapePlan(kept: Shape, after: Site): ReshapePlan | null {
  const now = shapeOf(after);
  const streams = after.streams.flatMap(({ name }) => {
    const before = kept.streams[name];
    const is = now.streams[name];
    if (before === undefined) return [];
    if (before.counters === is.counters && before.dimensions === is.dimensions) return [];
    return [{ stream: name, shift: streamShift(before, is) }];
  });
  const changed = new Set(streams.map(({ stream }) => stream));
  const counted = new Set([...(kept.tables?.counted ?? []), ...(kept.tables?.left ?? [])]);
  const plan: ReshapePlan = { groups: [], left: [], streams, rollups: [], read: [...changed] };
  const tables = new Set(tablesOf(after));
  for (const rollup of after.rollups) {
    const before = kept.rollups[rollup.name];
    if (before === undefined) continue;
    const groups = rollup.groupBys.flatMap(
      (by, groupBy): { groupBy: number; shift: LayoutShift | null }[] => {
        const place = `[${by.join(', ')}]`;
        const was = before[place];
        if (was === undefined) return [{ groupBy, shift: null }];
        if (was === now.rollups[rollup.name][place]) return [];
        const stream = after.streams.find(({ name }) => name === rollup.stream)!;
        const shift = layoutShift(was, rollup, groupBy, stream);
        const mine = `roll/${rollup.name}/${by.join(',')}/`;
        for (const table of counted)
          if (table.startsWith(mine) && !tables.has(table)) plan.left.push({ table, shift });
        return [{ groupBy, shift }];
      },
    );
    // What is only added is filled when it counts already, unless history did not keep its dimensions.
    if (!changed.has(rollup.stream) && groups.every(({ shift }) => shift === null)) continue;
    if (groups.length === 0) continue;
    plan.rollups.push(rollup.name);
    plan.groups.push(...groups.map((group) => ({ rollup: rollup.name, ...group })));
    if (!plan.read.includes(rollup.stream)) plan.read.push(rollup.stream);
  }
  return plan.groups.length + plan.streams.length === 0 ? null : plan;
}

function layoutShift(was: string, rollup: RollupSpec, groupBy: number, stream: StreamSpec): LayoutShift {
  const old = partsOf(was).map(({ name }) => name);
  const { accumulators } = layoutOf(rollup, groupBy, stream);
  return {
    kinds: accumulators.map(({ kind }) => kind),
    from: accumulators.map(({ kind, field }) => old.indexOf(`${kind} of ${field}`.trim())),
  };
}

interface StreamParts {
  counters: string;
  dimensions: string;
}

function streamShift(before: StreamParts, after: StreamParts): StreamShift {
  const oldCounters = partsOf(before.counters);
  const counters = partsOf(after.counters);
  const names = (parts: { name: string }[]) => parts.map(({ name }) => name);
  const place = (old: string[], now: string[]) => now.map((name) => old.indexOf(name));
  const fields = (text: string) => text.split(', ').filter((name) => name !== '');
  const oldBoots = bootsOf(oldCounters);
  return {
    counters: place(names(oldCounters), names(counters)),
    kept: [
      ...place(names(oldCounters), names(counters)),
      ...bootsOf(counters).map((boot) =>
        oldBoots.includes(boot) ? oldCounters.length + oldBoots.indexOf(boot) : -1,
      ),
    ],
    dimensions: place(fields(before.dimensions), fields(after.dimensions)),
  };
}

/** What boots are told by, each once, in the order of the registers: so history keeps them. */
function bootsOf(counters: { how: string }[]): string[] {
  const boots = counters.map(({ how }) => /boots by (.+)$/.exec(how)?.[1]);
  return [...new Set(boots.filter((boot) => boot !== undefined))];
}

/** What of a rollup is counted no more and cannot be made again where raw does not reach, in words. */
export function losses(plan: ReshapePlan, before: Site, after: Site): string[] {
  return plan.rollups.flatMap((name) => {
    const is = after.rollups.find((one) => one.name === name)!;
    const was = before.rollups.find((one) => one.name === name);
    if (was === undefined) return [];
    const stream = before.streams.find((one) => one.name === was.stream)!;
    const gone = was.measures.filter(
      (measure) => measure.fn !== 'expression' && !isMadeOf(measure, was, is, stream),
    );
    return gone.map(
      ({ name: measure, fn, field }) =>
        `rollups.${name}.measures.${measure}: what ${fn}(${field ?? ''}) has counted is lost`,
    );
  });
}

function isMadeOf(
  measure: RollupSpec['measures'][number],
  was: RollupSpec,
  is: RollupSpec,
  stream: StreamSpec,
): boolean {
  const shared = was.groupBys.filter((by) => is.groupBys.some((other) => other.join() === by.join()));
  return shared.every((by) => {
    const needs = partNames({ ...was, measures: [measure] }, by, stream);
    const has = partNames(is, by, stream);
    return needs.every((part) => has.includes(part));
  });
}

function partNames(rollup: RollupSpec, by: string[], stream: StreamSpec): string[] {
  const groupBy = rollup.groupBys.findIndex((one) => one.join() === by.join());
  const { accumulators } = layoutOf(rollup, groupBy, stream);
  return accumulators.map(
    ({ kind, field }: { kind: AccumulatorKind; field: string }) => `${kind} of ${field}`,
  );
}
