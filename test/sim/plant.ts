import type { GroupBuilderPort } from '../../node/src/contract/index.ts';
import type { Checkpoint, RunStore } from '../../node/src/engine/run-store.ts';
import type { MemoryRunStore } from '../../node/src/engine/testing/memory-run-store.ts';
import type { CommitLog } from '../../node/src/log/port.ts';

/** Where a bug can be planted: around the ports between the parts, never inside them. Each answers what it is given. */
export interface Plant {
  log(log: CommitLog): CommitLog;
  builder(builder: GroupBuilderPort): GroupBuilderPort;
  store(store: RunStore): RunStore;
  /** Of the log, for a shard whose store stands at the position. */
  readFrom(position: number): number;
  /** Sequence up to which the log may be forgotten, given what all shards have stored. */
  leastCheckpointed(position: number): number;
  /** Whether a durable record reaches the shards that take records as they become durable. */
  delivered(seq: number): boolean;
  /** What a shadow is filled into, as its engine sees it. */
  shadow(store: RunStore): RunStore;
  /** What a shadow begins with. */
  seed(to: Checkpoint): Checkpoint;
  /** What a replay writes anew. */
  replaces(store: Replaceable): Replaceable;
  /** From where on a replay needs the log, as retention is told. */
  keptForReplay(seq: number | null): number | null;
}

export type Replaceable = Pick<MemoryRunStore, 'replacement' | 'view'>;

/** Nothing planted. */
export const SOUND: Plant = {
  log: (log) => log,
  builder: (builder) => builder,
  store: (store) => store,
  readFrom: (position) => position + 1,
  leastCheckpointed: (position) => position,
  delivered: () => true,
  shadow: (store) => store,
  seed: (to) => to,
  replaces: (store) => store,
  keptForReplay: (seq) => seq,
};
