import { createHash } from 'node:crypto';
import type { ShardHash, VerifyAnswer } from '../contract/index.ts';

/** The hashes of all shards in their order, and one over them: the same on every board that is at the same place. */
export function verifyAnswer(hashes: ShardHash[]): VerifyAnswer {
  const shards = hashes.sort((a, b) => a.shard - b.shard);
  const all = createHash('sha256');
  for (const { shard, hash } of shards) all.update(`${shard} ${hash}\n`);
  return {
    hash: all.digest('hex').slice(0, 32),
    position: Math.min(...shards.map(({ position }) => position)),
    shards,
  };
}
