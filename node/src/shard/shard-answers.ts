import { addLedger, emptyLedger } from '../client/ledger-sum.ts';
import type {
  LedgerAnswer,
  ShardHash,
  ShardLedgerQuestion,
  ShardParts,
  ShardReadQuestion,
  ShardTopAnswer,
  ShardTopQuestion,
} from '../contract/index.ts';
import type { ShardEngine } from '../engine/engine.ts';
import { CHECKPOINT_SLICE_BYTES, type Checkpoint } from '../engine/run-store.ts';
import type { LevelRunStore } from '../store/runs/level-run-store.ts';
import { storeOf } from './checkpointer.ts';
import { turn } from './turn.ts';

/**
 * A long scan yields; between two slices the loop takes records, and stops a scan that nobody waits for. What the work
 * puts `to` a checkpoint goes to the disk once it is enough.
 */
export async function drive<T>(
  work: Generator<unknown, T>,
  signal: AbortSignal | null,
  to: Checkpoint | null = null,
): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (to !== null && to.pendingBytes() >= CHECKPOINT_SLICE_BYTES) await to.flush();
    await turn();
    signal?.throwIfAborted();
  }
}

export async function readShards(
  engines: ShardEngine[],
  question: ShardReadQuestion,
  signal: AbortSignal,
  at: (shard: number) => void,
): Promise<ShardParts> {
  const all: ShardParts = { groups: [], chunks: [], truncated: false, watermark: null };
  for (const engine of engines) {
    at(engine.shard);
    const maxGroups = question.maxGroups - all.groups.length;
    const parts = await drive(engine.read({ ...question, maxGroups: Math.max(0, maxGroups) }), signal);
    append(all, parts);
  }
  return all;
}

function append(all: ShardParts, parts: ShardParts): void {
  for (const group of parts.groups) all.groups.push(group);
  for (const chunk of parts.chunks) all.chunks.push(chunk);
  all.truncated ||= parts.truncated;
  all.watermark = leastWatermark(all.watermark, parts.watermark);
}

/** The least of those known: a shard that never saw a reading does not hold an answer back. */
export function leastWatermark(one: number | null, other: number | null): number | null {
  if (one === null) return other;
  return other === null ? one : Math.min(one, other);
}

export async function topOfShards(
  engines: ShardEngine[],
  question: ShardTopQuestion,
  signal: AbortSignal,
  at: (shard: number) => void,
): Promise<ShardTopAnswer> {
  const answer: ShardTopAnswer = { ranked: [], parts: null };
  for (const engine of engines) {
    at(engine.shard);
    const one = await drive(engine.fold(question), signal);
    for (const row of one.ranked) answer.ranked.push(row);
    if (one.parts === null) continue;
    answer.parts ??= { groups: [], chunks: [], truncated: false, watermark: null };
    append(answer.parts, one.parts);
  }
  answer.ranked.sort((a, b) => b.value - a.value);
  answer.ranked.length = Math.min(answer.ranked.length, question.k);
  return answer;
}

export function ledgerOf(engines: ShardEngine[], question: ShardLedgerQuestion): LedgerAnswer {
  const sum = emptyLedger();
  for (const engine of engines) addLedger(sum, engine.ledger(question.from, question.to, question.stream));
  return sum;
}

/** Of what the stores hold: one shard after the other, so that one view at a time keeps old blocks from being cleared. */
export async function hashesOf(
  engines: ShardEngine[],
  stores: Map<number, LevelRunStore>,
  signal: AbortSignal,
  at: (shard: number) => void,
): Promise<ShardHash[]> {
  const hashes: ShardHash[] = [];
  for (const engine of engines) {
    const { shard } = engine;
    at(shard);
    const store = storeOf(stores, shard);
    const position = store.position(shard);
    const view = store.view(shard);
    try {
      hashes.push({ shard, position, hash: await drive(engine.hashStored(view), signal) });
    } finally {
      view.close();
    }
  }
  return hashes;
}
