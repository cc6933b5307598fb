import type { GroupDifference } from '../contract/api/replays.ts';

/** Groups of one tier that are named. */
const NAMED = 10;
/** Groups that are remembered, since one comes again in every period; past it the smallest are forgotten. */
const REMEMBERED = 1_000;

/** The groups with the largest differences, added up over periods and shards. */
export class LargestDifferences {
  readonly #groups = new Map<string, GroupDifference>();

  add(more: GroupDifference): void {
    const name = JSON.stringify([Object.values(more.by), more.measure]);
    const known = this.#groups.get(name);
    if (known === undefined) this.#groups.set(name, { ...more });
    else {
      known.buckets += more.buckets;
      if (known.difference !== null || more.difference !== null)
        known.difference = (known.difference ?? 0) + (more.difference ?? 0);
    }
    if (this.#groups.size <= REMEMBERED) return;
    const kept = this.#sorted().slice(0, REMEMBERED / 2);
    this.#groups.clear();
    for (const [one, group] of kept) this.#groups.set(one, group);
  }

  top(): GroupDifference[] {
    return this.#sorted()
      .slice(0, NAMED)
      .map(([, group]) => group);
  }

  #sorted(): [string, GroupDifference][] {
    const size = ({ difference }: GroupDifference) => Math.abs(difference ?? 0);
    return [...this.#groups].sort(([, a], [, b]) => size(b) - size(a) || b.buckets - a.buckets);
  }
}
