import {
  assertRunsLeft,
  damagedShard,
  EMPTY_SHARD,
  type Garbage,
  garbageOp,
  loadGarbage,
  loadShard,
  loadTables,
  positionOp,
  type ShardState,
  tableOp,
} from './catalog-records.ts';
import { manifestKey, REGION, rangeOf, readManifestKey, runOfBlockKey } from './keys.ts';
import type { LevelHandle, WriteOp } from './level-handle.ts';
import { changeFingerprint, changeRuns } from './manifest.ts';
import { encodeRun, type Run } from './run.ts';
import type { NewRun } from './run-writer.ts';
import { seal } from './sealed.ts';

/** One change of a shard's manifest: all of it becomes durable at once, or nothing. */
export interface Change {
  added: NewRun[];
  removed: readonly Run[];
  /** Null leaves the position where it is. */
  position: number | null;
  /** Blocks of the added runs that are not handed to the disk yet. */
  ops: WriteOp[];
}

interface Doubt {
  shard: number;
  runs: Set<number>;
  /** Where the shard stood before. */
  position: number;
}

/** Blocks of a run whose number of blocks is not known any more: its whole range is cleared. */
export const UNKNOWN_BLOCKS = 0xffff_ffff;

/**
 * Which runs there are, and up to which log position each shard's go. Changes are made one after the other; after
 * a failed one the handle is opened again and everything is read back, because LevelDB does not say whether a
 * batch whose sync failed will be there.
 */
export class Catalog {
  readonly #handle: LevelHandle;
  #shards = new Map<number, ShardState>();
  /** Numbers of all runs of all manifests. */
  #named = new Set<number>();
  #tables = new Map<string, number>();
  #durableTables = new Set<string>();
  #nextRun = 1;
  /** Numbers of runs that are being written, or given up with blocks left. */
  #unfinished = new Set<number>();
  #tail: Promise<unknown> = Promise.resolve();
  /** Checkpoints whose commit failed: if one landed all the same it is taken back, since its caller repeats it. */
  #doubtful: Doubt[] = [];
  /** Told of runs that left the manifest, while they can still be read. */
  onRemove: (runs: readonly Run[]) => void = () => undefined;
  onGarbage: (garbage: Garbage[]) => void = () => undefined;

  constructor(handle: LevelHandle) {
    this.#handle = handle;
  }

  /** The first load of a store: also clears what unfinished runs of the last life left behind. */
  async open(shards: readonly number[]): Promise<void> {
    const loaded = await this.#load(shards);
    this.#publish(loaded.shards);
    await this.#clearStrays(loaded.clean);
  }

  shard(shard: number): ShardState {
    const state = this.#shards.get(shard);
    if (state === undefined) throw new RangeError(`Shard ${shard} does not live in this store.`);
    if (state.damage !== null) throw damagedShard(shard, state.damage);
    return state;
  }

  damaged(): { shard: number; message: string }[] {
    const damaged = [];
    for (const [shard, { damage }] of this.#shards)
      if (damage !== null) damaged.push({ shard, message: damage });
    return damaged;
  }

  *runs(): Generator<Run> {
    for (const state of this.#shards.values()) yield* runsIn(state);
  }

  has(run: number): boolean {
    return this.#named.has(run);
  }

  tableId(table: string): number {
    let id = this.#tables.get(table);
    if (id === undefined) {
      id = 1 + Math.max(0, ...this.#tables.values());
      this.#tables.set(table, id);
    }
    return id;
  }

  beginRun(): number {
    assertRunsLeft(this.#nextRun);
    const id = this.#nextRun++;
    this.#unfinished.add(id);
    return id;
  }

  endRun(id: number): void {
    this.#unfinished.delete(id);
  }

  /** Work that must not overlap with another change. A handle that failed is opened again first. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(async () => {
      await this.#recover();
      return work();
    });
    // The caller has the rejection; the next change only waits its turn.
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Only within `exclusive`. */
  async commit(shard: number, change: Change): Promise<void> {
    const { position } = this.shard(shard);
    try {
      await this.#apply(shard, change);
    } catch (fault) {
      const runs = new Set(change.added.map(({ run }) => run.id));
      if (change.position !== null) this.#doubtful.push({ shard, runs, position });
      throw fault;
    }
  }

  async #apply(shard: number, change: Change): Promise<void> {
    const before = this.shard(shard);
    const added = change.added.map(({ run }) => run);
    const after = stateAfter(before, change);
    this.onRemove(change.removed);
    const garbage = garbageOf(change.removed);
    const tables = this.#newTables(added);
    const ops = [...change.ops, ...manifestOps(change), ...garbage.map(garbageOp)];
    for (const table of tables) ops.push(tableOp(table, this.tableId(table)));
    ops.push(positionOp(shard, after, this.#cleanRun(added)));
    await this.#handle.write(ops);
    this.#shards.set(shard, after);
    for (const table of tables) this.#durableTables.add(table);
    for (const run of change.removed) this.#named.delete(run.id);
    for (const run of added) {
      this.#named.add(run.id);
      this.#unfinished.delete(run.id);
    }
    this.onGarbage(garbage);
  }

  /** Only within `exclusive`. Empties a shard, sound or not, by what can still be read of its manifest. */
  async reset(shard: number): Promise<void> {
    const ops: WriteOp[] = [];
    const garbage: Garbage[] = [];
    const others = new Set(this.#unfinished);
    for (const run of this.runs()) if (run.shard !== shard) others.add(run.id);
    for await (const [key] of this.#handle.entries(rangeOf(REGION.manifest, shard))) {
      ops.push({ type: 'del', key });
      const about = readManifestKey(key);
      // A rotten entry may name a run of another shard.
      if (about !== null && !others.has(about.run)) garbage.push({ run: about.run, blocks: UNKNOWN_BLOCKS });
    }
    const known = this.#shards.get(shard);
    if (known?.damage === null) this.onRemove([...runsIn(known)]);
    ops.push(...garbage.map(garbageOp), positionOp(shard, EMPTY_SHARD, this.#cleanRun([])));
    await this.#handle.write(ops);
    this.#publish(new Map(this.#shards).set(shard, EMPTY_SHARD));
    this.onGarbage(garbage);
  }

  /** Everything that waits is done, in order, before this resolves. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  /**
   * What is read back is shown only once every doubtful checkpoint is taken back: its caller must not be led to
   * think that it landed, and go on from there.
   */
  async #recover(): Promise<void> {
    if (!this.#handle.failed) return;
    await this.#handle.reopen();
    const { shards } = await this.#load([...this.#shards.keys()]);
    for (const doubt of this.#doubtful) {
      const landed = shards.get(doubt.shard)!;
      shards.set(doubt.shard, await this.#takeBack(doubt, landed));
    }
    this.#doubtful = [];
    this.#publish(shards);
    // A fold that landed although it failed left garbage that nobody was told of.
    this.onGarbage(await loadGarbage(this.#handle));
    this.#handle.recovered();
  }

  #publish(shards: Map<number, ShardState>): void {
    this.#shards = shards;
    this.#named = new Set([...this.runs()].map((run) => run.id));
  }

  async #takeBack(doubt: Doubt, landed: ShardState): Promise<ShardState> {
    const removed = [...runsIn(landed)].filter((run) => doubt.runs.has(run.id));
    if (landed.damage !== null || (removed.length === 0 && landed.position === doubt.position)) return landed;
    const change = { added: [], removed, position: doubt.position, ops: [] };
    const after = stateAfter(landed, change);
    const garbage = garbageOf(removed).map(garbageOp);
    await this.#handle.write([
      ...manifestOps(change),
      ...garbage,
      positionOp(doubt.shard, after, this.#cleanRun([])),
    ]);
    return after;
  }

  async #load(shards: readonly number[]): Promise<{ shards: Map<number, ShardState>; clean: number }> {
    for (const [table, id] of await loadTables(this.#handle)) {
      this.#tables.set(table, id);
      this.#durableTables.add(table);
    }
    const names = new Map([...this.#tables].map(([name, id]) => [id, name]));
    const known = new Map([...this.runs()].map((run) => [run.id, run]));
    const states = new Map<number, ShardState>();
    let clean = 0;
    for (const shard of shards) {
      const loaded = await loadShard(this.#handle, shard, names, known);
      states.set(shard, loaded.state);
      clean = Math.max(clean, loaded.cleanRun);
    }
    this.#nextRun = Math.max(this.#nextRun, clean);
    for (const state of states.values())
      for (const run of runsIn(state)) this.#nextRun = Math.max(this.#nextRun, run.id + 1);
    return { shards: states, clean };
  }

  /** Blocks that belong to nothing stand only at or above the mark that every commit carries, or are garbage. */
  async #clearStrays(clean: number): Promise<void> {
    const newest = await this.#handle.lastKey(rangeOf(REGION.block));
    if (newest !== null) this.#nextRun = Math.max(this.#nextRun, runOfBlockKey(newest) + 1);
    const garbage = await loadGarbage(this.#handle);
    this.onGarbage(garbage);
    if (this.damaged().length > 0) return;
    const kept = new Set([...this.runs()].map((run) => run.id));
    for (const { run } of garbage) kept.add(run);
    for (let from = clean; from < this.#nextRun; from++) {
      if (kept.has(from)) continue;
      let to = from + 1;
      while (to < this.#nextRun && !kept.has(to)) to++;
      await this.#handle.clear(blockRange(from, to));
      from = to;
    }
  }

  #newTables(added: readonly Run[]): Set<string> {
    const tables = new Set<string>();
    for (const { table } of added) if (!this.#durableTables.has(table)) tables.add(table);
    return tables;
  }

  #cleanRun(committing: readonly Run[]): number {
    const own = new Set(committing.map((run) => run.id));
    let least = this.#nextRun;
    for (const id of this.#unfinished) if (id < least && !own.has(id)) least = id;
    return least;
  }
}

function stateAfter(before: ShardState, change: Change): ShardState {
  const added = change.added.map(({ run }) => run);
  return {
    position: change.position ?? before.position,
    runs: changeRuns(before.runs, change.removed, added),
    fingerprint: changeFingerprint(before.fingerprint, change.removed, added),
    damage: null,
  };
}

function* runsIn(state: ShardState): Generator<Run> {
  for (const table of state.runs.values()) for (const runs of table.periods.values()) yield* runs;
}

export function blockRange(fromRun: number, toRun: number): { gte: Buffer; lt: Buffer } {
  const gte = Buffer.alloc(5, REGION.block);
  const lt = Buffer.alloc(5, REGION.block);
  gte.writeUInt32BE(fromRun, 1);
  lt.writeUInt32BE(toRun, 1);
  return { gte, lt };
}

function manifestOps(change: Pick<Change, 'added' | 'removed'>): WriteOp[] {
  const ops: WriteOp[] = [];
  for (const run of change.removed) ops.push({ type: 'del', key: keyOf(run) });
  for (const { run, inline } of change.added) {
    const key = keyOf(run);
    ops.push({ type: 'put', key, value: seal(key, encodeRun(run, inline)) });
  }
  return ops;
}

function keyOf(run: Run): Buffer {
  return manifestKey(run.shard, run.tableId, run.period, run.id);
}

function garbageOf(removed: readonly Run[]): Garbage[] {
  const garbage: Garbage[] = [];
  for (const { id, blocks } of removed) if (blocks > 0) garbage.push({ run: id, blocks });
  return garbage;
}
