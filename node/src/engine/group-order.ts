import { compareBytes } from '../contract/measures/entry-key.ts';
import type { Groups } from './dimensions.ts';

/** Groups that are sorted at once, and groups that are looked at between two pauses. */
const PART_GROUPS = 512;
const GROUPS_A_TURN = 16_000;

/**
 * Groups in the order of their entries in the store, some at a time: split by the high bits of the hash, each part
 * sorted when its turn comes. Null is a pause. A million groups are never sorted in one go.
 */
export function* inStoreOrder(
  groups: Groups,
  has: (group: number) => boolean,
): Generator<number[] | null, void, undefined> {
  const count = groups.count;
  let chosen = 0;
  for (let group = 0; group < count; group++) {
    if (has(group)) chosen++;
    if (group % GROUPS_A_TURN === GROUPS_A_TURN - 1) yield null;
  }
  let bits = 0;
  while (bits < 16 && chosen >> bits > PART_GROUPS) bits++;
  const shift = 32 - bits;
  const partOf = (group: number) => (bits === 0 ? 0 : groups.hash(group) >>> shift);
  const ends = new Uint32Array((1 << bits) + 1);
  for (let group = 0; group < count; group++) {
    if (has(group)) ends[partOf(group) + 1]++;
    if (group % GROUPS_A_TURN === GROUPS_A_TURN - 1) yield null;
  }
  for (let part = 1; part < ends.length; part++) ends[part] += ends[part - 1];
  const placed = new Uint32Array(ends[ends.length - 1]);
  const next = ends.slice();
  for (let group = 0; group < count; group++) {
    if (has(group)) placed[next[partOf(group)]++] = group;
    if (group % GROUPS_A_TURN === GROUPS_A_TURN - 1) yield null;
  }
  for (let part = 0; part + 1 < ends.length; part++)
    if (ends[part] < ends[part + 1]) yield ordered(groups, placed.subarray(ends[part], ends[part + 1]));
}

/** By hash, then by name. Hash and place are sorted as one number: looking the hash up at each comparison costs more. */
function ordered(groups: Groups, part: Uint32Array): number[] {
  const PLACES = 2 ** 21;
  const keys = new Float64Array(part.length);
  for (let at = 0; at < part.length; at++) keys[at] = groups.hash(part[at]) * PLACES + at;
  keys.sort();
  const order: number[] = [];
  let sameHash = false;
  for (let at = 0; at < keys.length; at++) {
    order.push(part[keys[at] % PLACES]);
    if (at > 0 && Math.floor(keys[at] / PLACES) === Math.floor(keys[at - 1] / PLACES)) sameHash = true;
  }
  const byName = (a: number, b: number) =>
    groups.hash(a) - groups.hash(b) || compareBytes(groups.name(a), groups.name(b));
  return sameHash ? order.sort(byName) : order;
}
