import { join } from 'node:path';
import { mergeFor, type Site, type TierDifference, WeirError } from '../contract/index.ts';
import { type Comparison, compareTables } from '../engine/compare-tables.ts';
import type { ShardEngine } from '../engine/engine.ts';
import { seedMarks, seedShadow } from '../engine/seed-shadow.ts';
import { type LevelRunStore, openLevelRunStore } from '../store/runs/level-run-store.ts';
import type { LevelRunView } from '../store/runs/view.ts';
import { type Checkpointer, storeOf } from './checkpointer.ts';
import { shardsOf } from './open-shards.ts';
import type { CompareAnswer, CompareQuestion, PinQuestion, SeedQuestion } from './shadow-messages.ts';
import { drive } from './shard-answers.ts';

/** A shadow is written and read once, by the way: it needs no caches. */
export const SHADOW_TUNING = { blockCacheBytes: 2 * 1024 * 1024, indexCacheBytes: 1024 * 1024 };

interface Pinned {
  views: Map<number, { position: number; view: LevelRunView }>;
  release: (() => void)[];
}

interface Parts {
  site: Site;
  engines: Map<number, ShardEngine>;
  stores: Map<number, LevelRunStore>;
  checkpointer: Checkpointer;
  upTo(seq: number): Promise<void>;
}

/**
 * What a replay asks of a thread that serves: a still view of its stores with their positions, the beginnings of the
 * shadow, and the comparison at those positions. All of it in slices between which records and questions are taken;
 * checkpoints go on meanwhile, and lie on top of what the view shows.
 */
export class ShadowTasks {
  readonly #parts: Parts;
  #pinned: Pinned | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  readonly calls = {
    pin: (question: PinQuestion) => this.#inTurn(() => this.#pin(question)),
    unpin: () => this.#inTurn(async () => this.#unpin()),
    seed: (question: SeedQuestion, signal: AbortSignal) => this.#inTurn(() => this.#seed(question, signal)),
    compare: (question: CompareQuestion, signal: AbortSignal) =>
      this.#inTurn(() => this.#compare(question, signal)),
  };

  /** One after the other: what one of them pinned is not let go under it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    // Whoever asked has the rejection; the next one only waits its turn.
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Answers the positions at which the stores are looked at from now on. */
  async #pin({ minSeq }: PinQuestion): Promise<[shard: number, seq: number][]> {
    this.#unpin();
    const { engines, stores, checkpointer, upTo } = this.#parts;
    await upTo(minSeq);
    const behind = () => [...engines.keys()].some((shard) => checkpointer.position(shard) < minSeq);
    // The first run may be one that was under way before.
    for (let runs = 0; runs < 2 && behind(); runs++) await checkpointer.run();
    if (behind())
      throw new WeirError('WEIR_STORE_UNAVAILABLE', 'the stores could not take a checkpoint', {
        suggestion: 'The log says why; the replay can be started again.',
      });
    const release: (() => void)[] = [];
    for (const store of stores.values()) release.push(await store.holdFolds());
    const views: Pinned['views'] = new Map();
    for (const shard of engines.keys()) {
      const store = storeOf(stores, shard);
      views.set(shard, { position: store.position(shard), view: store.view(shard) });
    }
    this.#pinned = { views, release };
    return [...views].map(([shard, { position }]) => [shard, position]);
  }

  #unpin(): void {
    for (const { view } of this.#pinned?.views.values() ?? []) view.close();
    for (const release of this.#pinned?.release ?? []) release();
    this.#pinned = null;
  }

  #views(): Pinned['views'] {
    if (this.#pinned === null)
      throw new WeirError(
        'WEIR_NOT_READY',
        'the thread was started again meanwhile; the replay goes on anew',
      );
    return this.#pinned.views;
  }

  async #seed(question: SeedQuestion, signal: AbortSignal): Promise<void> {
    const { streams, boots, since, shifts, fromSeq, watermark } = question;
    await this.#eachShadow(question.storeDir, async (shadow, shard) => {
      const { view, position } = this.#views().get(shard)!;
      const to = shadow.checkpoint(shard, fromSeq - 1);
      try {
        seedMarks(streams, { seededTo: position, watermark }, to);
        for (const stream of streams)
          await drive(seedShadow(stream, boots[stream], since, view, to, shifts[stream] ?? null), signal, to);
        await to.commit();
      } catch (fault) {
        await to.abandon();
        throw fault;
      }
    });
  }

  async #compare(question: CompareQuestion, signal: AbortSignal): Promise<CompareAnswer> {
    const tiers: TierDifference[] = [];
    await this.#eachShadow(question.storeDir, async (shadow, shard) => {
      const { view, position } = this.#views().get(shard)!;
      if (shadow.position(shard) !== position)
        throw new Error(`the shadow of shard ${shard} is at ${shadow.position(shard)}, not at ${position}`);
      const anew = shadow.view(shard);
      try {
        const found = await this.#compareShard(question, shard, view, anew, signal);
        for (const tier of found) tiers.push(tier);
      } finally {
        anew.close();
      }
    });
    return { tiers };
  }

  async #compareShard(
    question: CompareQuestion,
    shard: number,
    stored: LevelRunView,
    anew: LevelRunView,
    signal: AbortSignal,
  ): Promise<TierDifference[]> {
    const { site, engines, stores } = this.#parts;
    const engine = engines.get(shard)!;
    const comparison: Comparison = {
      site,
      rollups: question.rollups,
      ...question.span,
      knownFrom: question.knownFrom,
      watermark: (stream) => engine.watermark(stream) ?? Number.NEGATIVE_INFINITY,
      nowMs: question.nowMs,
      stored,
      anew,
      write: null,
    };
    if (!question.apply) return drive(compareTables(comparison), signal);
    const write = storeOf(stores, shard).replacement(shard, stored);
    try {
      const found = await drive(compareTables({ ...comparison, write }), signal, write);
      await write.commit();
      return found;
    } catch (fault) {
      await write.abandon();
      throw fault;
    }
  }

  /** The shadow's stores are those of this thread's shards. */
  async #eachShadow(
    dir: string,
    work: (shadow: LevelRunStore, shard: number) => Promise<void>,
  ): Promise<void> {
    for (const number of this.#parts.stores.keys()) {
      const shards = shardsOf(number);
      const shadow = await openLevelRunStore({
        dir: join(dir, String(number)),
        shards,
        merge: mergeFor,
        tuning: SHADOW_TUNING,
      });
      try {
        for (const shard of shards) await work(shadow, shard);
      } finally {
        await shadow.close();
      }
    }
  }
}
