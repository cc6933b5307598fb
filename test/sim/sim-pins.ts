import { type Site, type TierDifference, WeirError } from '../../node/src/contract/index.ts';
import { type Comparison, compareTables } from '../../node/src/engine/compare-tables.ts';
import { driven } from '../../node/src/engine/driven.ts';
import type { RunView } from '../../node/src/engine/run-store.ts';
import { seedMarks, seedShadow } from '../../node/src/engine/seed-shadow.ts';
import type { MemoryRunStore } from '../../node/src/engine/testing/memory-run-store.ts';
import type {
  CompareAnswer,
  CompareQuestion,
  PinQuestion,
  SeedQuestion,
} from '../../node/src/shard/shadow-messages.ts';
import { Violation } from './journal.ts';
import type { Plant } from './plant.ts';
import type { Steps } from './sim-calls.ts';
import type { SimShard } from './sim-shard.ts';

interface Pinned {
  position: number;
  view: RunView;
  release: () => void;
}

/**
 * What a replay asks of the shards that serve: a still view of a store with its position, the beginnings of the shadow,
 * and the comparison. A pin ends with the shard's thread.
 */
export class SimPins {
  readonly #site: Site;
  readonly #store: MemoryRunStore;
  readonly #plant: Plant;
  #pinned = new Map<SimShard, Pinned>();

  constructor(site: Site, store: MemoryRunStore, plant: Plant) {
    this.#site = site;
    this.#store = store;
    this.#plant = plant;
  }

  work(method: string, params: unknown, shard: SimShard, shadow: MemoryRunStore): Steps<unknown> {
    switch (method) {
      case 'pin':
        return this.#pin(params as PinQuestion, shard);
      case 'seed':
        return this.#seed(params as SeedQuestion, shard, shadow);
      case 'unpin':
        return this.#unpin(shard);
      case 'compare':
        return this.#compare(params as CompareQuestion, shard, shadow);
      default:
        throw new Violation(`a shard was asked for ${method}`);
    }
  }

  unpin(shard: SimShard): void {
    this.#pinned.get(shard)?.release();
    this.#pinned.delete(shard);
  }

  /** The process is gone. */
  forget(): void {
    this.#pinned = new Map();
  }

  async *#pin({ minSeq }: PinQuestion, shard: SimShard): Steps<[number, number][]> {
    this.unpin(shard);
    while (shard.engine.position < minSeq)
      yield shard.behind ? await shard.step() : `${shard.shard} waits for record ${minSeq}`;
    const behind = () => this.#store.position(shard.shard) < minSeq;
    // The first may be one that was under way before.
    for (let runs = 0; runs < 2 && behind(); runs++)
      do yield `${shard.shard} ${await shard.checkpointStep()}`;
      while (shard.checkpointing);
    if (behind()) throw new WeirError('WEIR_STORE_UNAVAILABLE', 'the stores could not take a checkpoint');
    const position = this.#store.position(shard.shard);
    const release = this.#store.holdFolds();
    this.#pinned.set(shard, { position, view: this.#store.view(shard.shard), release });
    yield `${shard.shard} is looked at as of ${position}`;
    return [[shard.shard, position]];
  }

  async *#unpin(shard: SimShard): Steps<void> {
    this.unpin(shard);
    yield `${shard.shard} is no longer looked at`;
  }

  #pinnedOf(shard: SimShard): Pinned {
    const pinned = this.#pinned.get(shard);
    if (pinned === undefined) throw new WeirError('WEIR_NOT_READY', 'the thread was started again meanwhile');
    return pinned;
  }

  async *#seed(question: SeedQuestion, shard: SimShard, shadow: MemoryRunStore): Steps<void> {
    const { streams, boots, since, fromSeq, watermark } = question;
    const { view, position } = this.#pinnedOf(shard);
    const to = this.#plant.seed(shadow.checkpoint(shard.shard, fromSeq - 1));
    seedMarks(streams, { seededTo: position, watermark }, to);
    for (const stream of streams)
      for (const _ of seedShadow(stream, boots[stream], since, view, to)) yield 'seeds on';
    yield `${shard.shard} has told what was before record ${fromSeq} and ${new Date(since).toISOString()}`;
    await to.commit();
  }

  async *#compare(question: CompareQuestion, shard: SimShard, shadow: MemoryRunStore): Steps<CompareAnswer> {
    const { view, position } = this.#pinnedOf(shard);
    if (shadow.position(shard.shard) !== position)
      throw new Violation(
        `the shadow of shard ${shard.shard} is at ${shadow.position(shard.shard)}, not at ${position}`,
      );
    const comparison: Comparison = {
      site: this.#site,
      rollups: question.rollups,
      ...question.span,
      knownFrom: question.knownFrom,
      watermark: (stream) => shard.engine.watermark(stream) ?? Number.NEGATIVE_INFINITY,
      nowMs: question.nowMs,
      stored: view,
      anew: shadow.view(shard.shard),
      write: null,
    };
    let tiers: TierDifference[];
    if (!question.apply) tiers = driven(compareTables(comparison));
    else {
      const write = this.#plant.replaces(this.#store).replacement(shard.shard, view);
      tiers = driven(compareTables({ ...comparison, write }));
      yield `${shard.shard} is about to be corrected`;
      await write.commit();
    }
    yield `${shard.shard} is compared`;
    return { tiers };
  }
}
