import type { LevelRunStore } from '../store/runs/level-run-store.ts';
import { FOLD_SLICE_MS, storeOf } from './checkpointer.ts';
import type { ShardJob } from './thread-messages.ts';
import { turn } from './turn.ts';

/** The shards' part of the board's jobs, in slices between which records and questions are taken. Answers damage. */
export async function runJob(
  job: ShardJob,
  stores: Map<number, LevelRunStore>,
  shards: number[],
): Promise<string[]> {
  switch (job.job) {
    case 'retain':
      for (const shard of shards)
        for (const { table, beforePeriod } of job.drops)
          await storeOf(stores, shard).dropBefore(shard, table, beforePeriod);
      for (const store of stores.values()) await upkeep(store, false);
      return [];
    case 'tidy':
      for (const store of stores.values()) {
        await upkeep(store, true);
        await store.compact();
      }
      return [];
    case 'scrub':
      return scrub(stores);
  }
}

async function upkeep(store: LevelRunStore, all: boolean): Promise<void> {
  while (await store.foldSome(FOLD_SLICE_MS, all)) await turn();
}

async function scrub(stores: Map<number, LevelRunStore>): Promise<string[]> {
  const damaged: string[] = [];
  for (const store of stores.values())
    for (const found of await store.scrub())
      damaged.push(`shard ${found.shard} ${found.table ?? ''} ${found.period ?? ''}`.trim());
  return damaged;
}
