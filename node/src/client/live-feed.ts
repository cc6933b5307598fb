import type { ChangedRange, LiveChange, LiveQuestion, RollupSpec, Site } from '../contract/index.ts';
import { chooseGroupBy, type Plan, rollupNamed, windowTier } from './plan.ts';
import { answerChange, measuresNamed } from './rollup-answers.ts';
import type { ShardLines } from './shard-lines.ts';

/** A viewer is told at most so often; what changed meanwhile comes together. */
const TELL_EVERY_MS = 200;
/** Buckets of one change. A late reading from long ago moves the newest ones no further than this from the end. */
const MAX_BUCKETS = 500;

interface Viewer {
  plan: Plan;
  question: LiveQuestion;
  onChange: (change: LiveChange) => void;
  /** Null: nothing changed since it was told. */
  dirty: { from: number; to: number } | null;
  asking: boolean;
  gone: boolean;
}

function liveTier(rollup: RollupSpec, step: number | 'auto'): { tier: number; stepMs: number } {
  if (rollup.window !== undefined) return windowTier(rollup, rollup.window, step);
  const tier =
    step === 'auto'
      ? 0
      : Math.max(
          0,
          rollup.tiers.findIndex((one) => one.widthMs === step),
        );
  return { tier, stepMs: rollup.tiers[tier].widthMs };
}

/** Turns the shards' notes of what changed into the changed buckets, for each viewer's question. */
export class LiveFeed {
  readonly #site: Site;
  readonly #lines: ShardLines;
  readonly #viewers = new Set<Viewer>();
  readonly #onFault: (fault: unknown) => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(site: Site, lines: ShardLines, onFault: (fault: unknown) => void) {
    this.#site = site;
    this.#lines = lines;
    this.#onFault = onFault;
  }

  watch(question: LiveQuestion, onChange: (change: LiveChange) => void): () => void {
    const rollup = rollupNamed(this.#site, question.rollup);
    const plan: Plan = {
      rollup,
      ...chooseGroupBy(rollup, question.by, question.where),
      ...liveTier(rollup, question.step),
    };
    measuresNamed(rollup, question.measures);
    const viewer: Viewer = { plan, question, onChange, dirty: null, asking: false, gone: false };
    this.#viewers.add(viewer);
    this.#timer ??= setInterval(() => this.#tell(), TELL_EVERY_MS).unref();
    return () => {
      viewer.gone = true;
      this.#viewers.delete(viewer);
    };
  }

  changed(ranges: ChangedRange[]): void {
    for (const viewer of this.#viewers) {
      for (const { rollup, from, to } of ranges) {
        if (rollup !== viewer.plan.rollup.name) continue;
        // A change shows in every window that covers it and has begun.
        const covered = to + (viewer.plan.rollup.window?.overMs ?? 0);
        const until = Math.max(to, Math.min(covered, Date.now()));
        viewer.dirty = viewer.dirty
          ? { from: Math.min(from, viewer.dirty.from), to: Math.max(until, viewer.dirty.to) }
          : { from, to: until };
      }
    }
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#viewers.clear();
  }

  #tell(): void {
    for (const viewer of this.#viewers)
      if (viewer.dirty && !viewer.asking) void this.#ask(viewer, viewer.dirty);
  }

  async #ask(viewer: Viewer, dirty: { from: number; to: number }): Promise<void> {
    viewer.dirty = null;
    viewer.asking = true;
    const { plan, question } = viewer;
    const from = Math.max(dirty.from, dirty.to - MAX_BUCKETS * plan.stepMs);
    try {
      const measures = measuresNamed(plan.rollup, question.measures);
      const range = { from, to: Math.max(dirty.to, from + 1) };
      const { by, quality } = question;
      const change = await answerChange(this.#lines, this.#site, plan, by, measures, range, quality);
      if (!viewer.gone && change.series.length > 0) viewer.onChange(change);
    } catch (fault) {
      this.#onFault(fault);
    } finally {
      viewer.asking = false;
    }
  }
}
