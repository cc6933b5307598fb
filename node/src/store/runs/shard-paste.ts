import { WeirError } from '../../contract/index.ts';
import { compareBytes } from '../../contract/measures/entry-key.ts';
import type { MergeValues } from '../../engine/run-store.ts';
import type { LevelRunStore } from './level-run-store.ts';
import { type CopiedEntry, readSlab } from './shard-copy.ts';

/** Handed to the disk at once. */
const FLUSH_BYTES = 1024 * 1024;

/**
 * Writes the slabs of a shard into an empty store as one checkpoint at the position that they include: all of it, or
 * nothing. The slabs may come from anywhere, so every value is read by its table's merge before it is taken.
 */
export async function pasteShard(
  store: LevelRunStore,
  shard: number,
  position: number,
  slabs: AsyncIterable<Uint8Array>,
  mergeOf: (table: string) => MergeValues,
): Promise<{ entries: number }> {
  const checkpoint = store.checkpoint(shard, position);
  let before: CopiedEntry | null = null;
  let entries = 0;
  try {
    for await (const slab of slabs)
      for (const entry of readSlab(slab)) {
        if (before !== null && !follows(before, entry)) throw notSound(entry, 'its entries are out of order');
        assertReadable(entry, mergeOf);
        checkpoint.put(entry.table, entry.period, entry.key, entry.value);
        entries++;
        before = entry;
        if (checkpoint.pendingBytes() >= FLUSH_BYTES) await checkpoint.flush();
      }
    await checkpoint.commit();
    return { entries };
  } catch (fault) {
    await checkpoint.abandon();
    throw fault;
  }
}

function follows(before: CopiedEntry, entry: CopiedEntry): boolean {
  if (before.table !== entry.table) return before.table < entry.table;
  if (before.period !== entry.period) return before.period < entry.period;
  return compareBytes(before.key, entry.key) < 0;
}

/** A value that its merge cannot read would end the shard's thread later, at each start. */
function assertReadable(entry: CopiedEntry, mergeOf: (table: string) => MergeValues): void {
  try {
    mergeOf(entry.table)([entry.value, entry.value]);
  } catch (cause) {
    throw notSound(entry, 'a value cannot be read', cause);
  }
}

function notSound(entry: CopiedEntry, why: string, cause?: unknown): WeirError {
  const table = JSON.stringify(entry.table.slice(0, 100));
  return new WeirError('WEIR_BACKUP_DAMAGED', `table ${table}: ${why}`, { cause });
}
