import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { MeasureSpec, RollupSpec } from './model.ts';
import type { KnownStream } from './resolve-streams.ts';
import type { RollupDraft } from './schema.ts';

/** What the parts of each whole are; a part may be a whole itself. */
export function resolveParts(
  given: RollupDraft['parts'],
  path: string,
  {
    groupBys,
    measures,
    stream,
  }: { groupBys: string[][]; measures: MeasureSpec[]; stream: KnownStream | null },
  faults: FaultList,
): Pick<RollupSpec, 'parts'> {
  if (given === undefined) return {};
  const key = stream?.spec.keyField;
  if (key && !groupBys.some((by) => by.length === 1 && by[0] === key))
    faults.atKey(
      `${path}.parts`,
      `${path}.parts tells meters apart, which ${path}.by does not keep`,
      `add the group-by [${key}]`,
    );
  if (!measures.some(({ fn }) => fn === 'increase' || fn === 'sum' || fn === 'count' || fn === 'cost'))
    faults.atKey(
      `${path}.parts`,
      `${path}.parts has nothing to compare: no measure of ${path} adds up`,
      'add increase(…), sum(…), cost(…) or count()',
    );
  const parts = Object.entries(given).map(([parent, list]) => ({
    parent,
    of: (list ?? []).filter((one) => one !== undefined),
  }));
  const byParent = new Map(parts.map(({ parent, of }) => [parent, of]));
  for (const { parent, of } of parts) {
    const place = `${path}.parts.${parent}`;
    of.forEach((part, at) => {
      if (of.indexOf(part) < at)
        faults.at(`${place}.${at}`, `${place} has ${quoted(part)} twice`, 'take one out');
      if (reaches(part, parent, byParent))
        faults.at(`${place}.${at}`, `${place}: ${quoted(part)} would be a part of itself`, 'take it out');
    });
  }
  return { parts };
}

/** Whether one meter is another, or has it among its parts or theirs. */
function reaches(from: string, to: string, byParent: Map<string, string[]>): boolean {
  const seen = new Set<string>();
  const left = [from];
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    if (one === to) return true;
    if (seen.has(one)) continue;
    seen.add(one);
    left.push(...(byParent.get(one) ?? []));
  }
  return false;
}
