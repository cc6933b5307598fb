import { WeirError } from '../../contract/index.ts';
import { type Block, blockBytes, compareAt, decodeBlock, floorEntry, valueAt } from './block.ts';
import { ByteLru } from './byte-lru.ts';
import { BLOCKS_MAX, blockKey, INDEX_BLOCK, manifestKey } from './keys.ts';
import type { LevelHandle } from './level-handle.ts';
import { inlineOf, type Run } from './run.ts';
import { unseal } from './sealed.ts';

/**
 * Blocks and indexes of runs, checked and decoded, behind two caches that are bounded in bytes. Runs never change,
 * so nothing in the caches ever goes stale. The index of a run is itself a block: the first key of each block, and
 * the last key of the run.
 */
export class BlockSource {
  readonly #handle: LevelHandle;
  readonly #blocks: ByteLru<Block>;
  readonly #indexes: ByteLru<Block>;
  readonly #key = Buffer.alloc(blockKey(0, 0).length);

  constructor(handle: LevelHandle, blockCacheBytes: number, indexCacheBytes: number) {
    this.#handle = handle;
    this.#blocks = new ByteLru(blockCacheBytes);
    this.#indexes = new ByteLru(indexCacheBytes);
  }

  get cachedBytes(): number {
    return this.#blocks.bytes + this.#indexes.bytes;
  }

  /** HOT: the value of a key in one run, or null. */
  find(run: Run, key: Uint8Array): Uint8Array | null {
    let number = 0;
    if (run.blocks > 1) {
      number = floorEntry(this.index(run), run.blocks, key);
      if (number < 0) return null;
    }
    const block = this.block(run, number);
    const entry = floorEntry(block, block.count, key);
    return entry >= 0 && compareAt(block, entry, key) === 0 ? valueAt(block, entry) : null;
  }

  block(run: Run, number: number): Block {
    if (run.pinned !== null) return run.pinned;
    const slot = run.id * (BLOCKS_MAX + 1) + number;
    const cached = this.#blocks.get(slot);
    if (cached !== undefined) return cached;
    const block = this.fresh(run, number);
    this.#blocks.set(slot, block, blockBytes(block));
    return block;
  }

  /** The same past the cache, for whoever reads a run from end to end once. */
  fresh(run: Run, number: number): Block {
    if (run.pinned !== null) return run.pinned;
    if (run.blocks === 0) return this.#inline(run);
    return decodedBlock(run, number, this.#handle.get(blockKey(run.id, number, this.#key)));
  }

  index(run: Run): Block {
    const cached = this.#indexes.get(run.id);
    if (cached !== undefined) return cached;
    const index = decodedBlock(run, INDEX_BLOCK, this.#handle.get(blockKey(run.id, INDEX_BLOCK, this.#key)));
    this.#indexes.set(run.id, index, blockBytes(index));
    return index;
  }

  forget(run: Run): void {
    this.#indexes.delete(run.id);
    for (let number = 0; number < Math.max(run.blocks, 1); number++)
      this.#blocks.delete(run.id * (BLOCKS_MAX + 1) + number);
  }

  #inline(run: Run): Block {
    const key = manifestKey(run.shard, run.tableId, run.period, run.id);
    return decodedInline(run, this.#handle.get(key));
  }
}

/** A block or index as LevelDB gave it; throws WEIR_STORE_DAMAGED unless it is exactly what the manifest says. */
export function decodedBlock(run: Run, number: number, value: Uint8Array | undefined): Block {
  const payload = unseal(blockKey(run.id, number), value);
  const block = payload === null ? null : decodeBlock(payload);
  const expected = number === INDEX_BLOCK ? run.blocks + 1 : null;
  if (block === null || block.count === 0 || (expected !== null && block.count !== expected))
    throw damagedRun(run, value === undefined ? 'is missing' : 'fails its checksum', number);
  return block;
}

export function decodedInline(run: Run, value: Uint8Array | undefined): Block {
  const payload = unseal(manifestKey(run.shard, run.tableId, run.period, run.id), value);
  const block = payload === null ? null : decodeBlock(inlineOf(payload));
  if (block === null || block.count !== run.entries)
    throw damagedRun(run, value === undefined ? 'is missing' : 'fails its checksum', 0);
  return block;
}

function damagedRun(run: Run, how: string, number: number): WeirError {
  const which = number === INDEX_BLOCK ? 'The index' : `Block ${number}`;
  return new WeirError(
    'WEIR_STORE_DAMAGED',
    `${which} of run ${run.id} (shard ${run.shard}, table ${run.table}, period ${run.period}) ${how}.`,
    { suggestion: `Shard ${run.shard} is to be rebuilt from the log.` },
  );
}
