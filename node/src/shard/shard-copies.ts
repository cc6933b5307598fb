import type { CopyStep } from '../backup/source.ts';
import { mergeFor } from '../contract/index.ts';
import type { ShardEngine } from '../engine/engine.ts';
import type { LevelRunStore } from '../store/runs/level-run-store.ts';
import { copyShard } from '../store/runs/shard-copy.ts';
import { drive } from './shard-answers.ts';
import { turn } from './turn.ts';

/**
 * The copy of one shard that somebody takes over a line, piece by piece. A view holds it still; it is let go when the
 * copy ends, another begins on the same line, or the line is closed.
 */
export class ShardCopy {
  #steps: AsyncGenerator<CopyStep> | null = null;

  async begin(engine: ShardEngine, store: LevelRunStore): Promise<void> {
    await this.close();
    this.#steps = stepsOf(engine, store);
  }

  async next(): Promise<CopyStep> {
    if (this.#steps === null) throw new Error('no copy was begun on this line');
    const step = await this.#steps.next();
    if (step.done) throw new Error('the copy has ended');
    return step.value;
  }

  async close(): Promise<void> {
    const steps = this.#steps;
    this.#steps = null;
    await steps?.return(undefined);
  }
}

export async function* stepsOf(engine: ShardEngine, store: LevelRunStore): AsyncGenerator<CopyStep> {
  const position = store.position(engine.shard);
  const view = store.view(engine.shard);
  try {
    for (const slab of copyShard(view, mergeFor)) {
      if (slab === null) await turn();
      else yield { slab };
    }
    yield { position, hash: await drive(engine.hashStored(view), null) };
  } finally {
    view.close();
  }
}
