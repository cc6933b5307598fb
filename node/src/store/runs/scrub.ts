import { isWeirError, type WeirError } from '../../contract/index.ts';
import { compareBytes } from '../../contract/measures/entry-key.ts';
import { keyAt } from './block.ts';
import { decodedBlock, decodedInline } from './block-source.ts';
import { blockKey, INDEX_BLOCK, manifestKey } from './keys.ts';
import type { LevelHandle } from './level-handle.ts';
import type { Run, StoreDamage } from './run.ts';

/**
 * Reads every block of a run and holds it against its checksum and its index. Reading is off the thread, so that
 * a scrub costs the shard nothing but the checksums.
 */
export async function scrubRun(handle: LevelHandle, run: Run): Promise<WeirError | null> {
  try {
    if (run.blocks === 0) {
      const key = manifestKey(run.shard, run.tableId, run.period, run.id);
      decodedInline(run, await handle.getAside(key));
      return null;
    }
    return await scrubBlocks(handle, run);
  } catch (fault) {
    if (isWeirError(fault) && fault.code === 'WEIR_STORE_DAMAGED') return fault;
    throw fault;
  }
}

async function scrubBlocks(handle: LevelHandle, run: Run): Promise<null> {
  const load = async (number: number) =>
    decodedBlock(run, number, await handle.getAside(blockKey(run.id, number)));
  const index = run.blocks > 1 ? await load(INDEX_BLOCK) : null;
  for (let number = 0; number < run.blocks; number++) {
    const block = await load(number);
    if (index !== null && compareBytes(keyAt(index, number), keyAt(block, 0)) !== 0)
      decodedBlock(run, number, undefined);
  }
  return null;
}

export function damageOf(run: Run, fault: WeirError): StoreDamage {
  return { shard: run.shard, table: run.table, period: run.period, message: fault.message };
}
