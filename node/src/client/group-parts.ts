import type { ShardParts } from '../contract/index.ts';

/** The parts of one group of an answer, from all shards and all finer groups that fall together in it. */
export interface GroupParts {
  dims: (string | null)[];
  chunks: Uint8Array[];
}

/** Puts together what belongs to one group once only the dimensions asked for are looked at. */
export function gatherGroups(all: ShardParts[], dims: number[]): Map<string, GroupParts> {
  const groups = new Map<string, GroupParts>();
  for (const parts of all) {
    parts.groups.forEach((group, at) => {
      const kept = dims.map((dim) => group[dim]);
      const name = JSON.stringify(kept);
      const known = groups.get(name);
      if (known) known.chunks.push(parts.chunks[at]);
      else groups.set(name, { dims: kept, chunks: [parts.chunks[at]] });
    });
  }
  return groups;
}

export function labels(by: string[], dims: (string | null)[]): Record<string, string | null> {
  return Object.fromEntries(by.map((field, at) => [field, dims[at]]));
}
