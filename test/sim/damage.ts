import type { Site } from '../../node/src/contract/index.ts';
import {
  type Buckets,
  copyBucket,
  isEmptyBucket,
  newBuckets,
} from '../../node/src/contract/measures/buckets.ts';
import { decodeChunk, encodeChunk, mergeChunks } from '../../node/src/contract/measures/chunk.ts';
import { REVISION, ROWS } from '../../node/src/contract/measures/kinds.ts';
import { TABLES } from '../../node/src/contract/measures/tables.ts';
import type { MemoryRunStore } from '../../node/src/engine/testing/memory-run-store.ts';
import type { Draw } from './draw.ts';

const EVER = Number.MAX_SAFE_INTEGER;

/**
 * Stored buckets of a shard go wrong, as by a bug that nobody saw: some are lost, some count one too many, some were never
 * there. Answers how many.
 */
export async function damage(site: Site, store: MemoryRunStore, shard: number, draw: Draw): Promise<number> {
  const release = store.holdFolds();
  const view = store.view(shard);
  const write = store.replacement(shard, view);
  let damaged = 0;
  for (const table of bucketTables(site))
    for (const period of view.periods(table, -EVER, EVER)) {
      if (draw.chance(0.5)) continue;
      write.replaces(table, period);
      for (const { key, values } of view.scan(table, period)) {
        const right = decodeChunk(mergeChunks(values));
        const stays = right.n === 0 || draw.chance(0.5);
        const { wrong, changes } = stays ? { wrong: right, changes: 0 } : damagedChunk(right, draw);
        damaged += changes;
        if (wrong.n > 0) write.put(table, period, key, encodeChunk(wrong));
      }
    }
  await write.commit();
  release();
  return damaged;
}

export function bucketTables(site: Site): string[] {
  return site.rollups.flatMap(({ name, groupBys, tiers }) =>
    groupBys.flatMap((by) => tiers.map((tier) => TABLES.buckets(name, by, tier.name))),
  );
}

function damagedChunk(right: Buckets, draw: Draw): { wrong: Buckets; changes: number } {
  const at = draw.whole(0, right.n);
  const wrong = newBuckets(right.kinds, right.n + 1);
  const take = (from: number, to: number) => {
    for (let one = from; one < to; one++) copyBucket(wrong, wrong.n++, right, one);
  };
  // One that has nothing but a revision is missed by nobody.
  const saying = (from: number, to: number) => {
    let n = 0;
    for (let one = from; one < to; one++) if (!isEmptyBucket(right, one, REVISION)) n++;
    return n;
  };
  switch (draw.of(['all lost', 'lost', 'miscounted', 'invented'])) {
    case 'all lost':
      return { wrong, changes: saying(0, right.n) };
    case 'lost':
      take(0, at);
      take(at + 1, right.n);
      return { wrong, changes: saying(at, at + 1) };
    case 'miscounted':
      take(0, right.n);
      wrong.lanes[ROWS][at]++;
      return { wrong, changes: 1 };
    default:
      take(0, right.n);
      take(right.n - 1, right.n);
      wrong.starts[right.n] += 60_000;
      return { wrong, changes: saying(right.n - 1, right.n) };
  }
}
