import { LIMITS } from '../limits.ts';

/** FNV-1a with a final avalanche: the index of the shard's key table and the choice of the shard share it. */
export function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash >>> 0;
}

/** The high bits choose the shard, so that the low bits stay even for the table inside it. */
export function shardOfHash(hash: number): number {
  return ((hash >>> 16) * LIMITS.shards) >>> 16;
}
