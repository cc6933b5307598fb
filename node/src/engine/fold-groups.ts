import type { ShardTopAnswer, ShardTopQuestion } from '../contract/ask/shard-questions.ts';
import { stepBoundaries } from '../contract/measures/boundaries.ts';
import { decodeGroup } from '../contract/measures/entry-key.ts';
import { finishBuckets, mergeChunkBytes } from '../contract/measures/finish.ts';
import type { Boundaries } from '../contract/measures/merge.ts';
import { type Found, type Reader, readGroups } from './reader.ts';
import type { RollupState, StreamEngine } from './stream-engine.ts';

/** Folded groups that a shard hands over for a top list. */
const MAX_FOLDED = 10_000;

/** The largest groups of this shard where each lives in one shard; else the partials of all of them. */
export function* foldGroups(
  stream: StreamEngine,
  rollup: RollupState,
  question: Omit<ShardTopQuestion, 'shards' | 'minSeq'>,
  reader: Reader,
  timezone: string,
): Generator<void, ShardTopAnswer, undefined> {
  const by = rollup.spec.groupBys[question.groupBy];
  if (!by.includes(stream.spec.keyField))
    return { ranked: [], parts: yield* readGroups(reader, MAX_FOLDED, stream.watermark) };
  const measure = rollup.spec.measures.find((one) => one.name === question.measure);
  if (measure === undefined) return { ranked: [], parts: null };
  const tierMs = rollup.spec.tiers[question.tier].widthMs;
  const plan = {
    layout: rollup.layouts[question.groupBy],
    measures: [measure],
    steps: wholeRange(stepBoundaries(timezone, tierMs, tierMs), question.from, question.to),
    from: question.from,
    to: question.to,
    watermark: null,
    latenessMs: 0,
  };
  const ranked: ShardTopAnswer['ranked'] = [];
  for (const found of reader.groups()) {
    if (found === null) yield;
    else
      rank(
        ranked,
        question.k,
        found,
        finishBuckets(plan, mergeChunkBytes(plan.layout, found.chunks)).values[measure.name][0],
      );
  }
  return { ranked, parts: null };
}

/** One step over the whole range. */
export function wholeRange(tier: Boundaries, from: number, to: number): Boundaries {
  const start = tier.start(from);
  const end = tier.end(tier.start(to - 1));
  return {
    start: (t) => (t < start ? t - 1 : t >= end ? t : start),
    end: (at) => (at === start ? end : at + 1),
  };
}

function rank(
  ranked: ShardTopAnswer['ranked'],
  k: number,
  found: Found,
  value: number | null | undefined,
): void {
  if (value === null || value === undefined) return;
  if (ranked.length === k && value <= ranked[k - 1].value) return;
  let at = ranked.length;
  while (at > 0 && ranked[at - 1].value < value) at--;
  ranked.splice(at, 0, { group: decodeGroup(found.name), value });
  if (ranked.length > k) ranked.length = k;
}
