import { WeirError } from '../../contract/index.ts';
import { garbageKey, positionKey, REGION, RUN_MAX, rangeOf, readManifestKey, tableKey } from './keys.ts';
import type { LevelHandle, WriteOp } from './level-handle.ts';
import { changeRuns, type Fingerprint, fingerprintOf, type ShardRuns } from './manifest.ts';
import { decodeRun, type Run } from './run.ts';
import { seal, unseal } from './sealed.ts';

/** What the store keeps of one shard in memory. */
export interface ShardState {
  position: number;
  runs: ShardRuns;
  fingerprint: Fingerprint;
  /** Why nothing of the shard is served until it is reset; null when it is sound. */
  damage: string | null;
}

export const EMPTY_SHARD: ShardState = Object.freeze({
  position: 0,
  runs: new Map(),
  fingerprint: { runs: 0, mix: 0 },
  damage: null,
});

export interface Garbage {
  run: number;
  blocks: number;
}

export function positionOp(shard: number, state: ShardState, cleanRun: number): WriteOp {
  const key = positionKey(shard);
  const payload = Buffer.alloc(20);
  payload.writeDoubleLE(state.position, 0);
  payload.writeUInt32LE(state.fingerprint.runs, 8);
  payload.writeUInt32LE(state.fingerprint.mix, 12);
  payload.writeUInt32LE(cleanRun, 16);
  return { type: 'put', key, value: seal(key, payload) };
}

export function tableOp(name: string, id: number): WriteOp {
  const key = tableKey(name);
  const payload = Buffer.alloc(2);
  payload.writeUInt16LE(id);
  return { type: 'put', key, value: seal(key, payload) };
}

export function garbageOp(garbage: Garbage): WriteOp {
  const key = garbageKey(garbage.run);
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(garbage.blocks);
  return { type: 'put', key, value: seal(key, payload) };
}

export async function loadTables(handle: LevelHandle): Promise<Map<string, number>> {
  const tables = new Map<string, number>();
  for await (const [key, value] of handle.entries(rangeOf(REGION.table))) {
    const payload = unseal(key, value);
    // Runs of a table whose name is lost make their shards damaged; they are found by their number below.
    if (payload !== null) tables.set(Buffer.from(key.subarray(1)).toString(), payload.readUInt16LE(0));
  }
  return tables;
}

export async function loadGarbage(handle: LevelHandle): Promise<Garbage[]> {
  const garbage: Garbage[] = [];
  for await (const [key, value] of handle.entries(rangeOf(REGION.garbage))) {
    const payload = unseal(key, value);
    if (payload !== null)
      garbage.push({ run: Buffer.from(key).readUInt32BE(1), blocks: payload.readUInt32LE(0) });
  }
  return garbage;
}

/** Runs that are known already keep their object, since open views hold it. */
export type KnownRuns = ReadonlyMap<number, Run>;

/** A shard's state, and the mark below which no unfinished run left blocks. A damaged shard is answered as such. */
export async function loadShard(
  handle: LevelHandle,
  shard: number,
  names: ReadonlyMap<number, string>,
  known: KnownRuns,
): Promise<{ state: ShardState; cleanRun: number }> {
  try {
    return await readShard(handle, shard, names, known);
  } catch (fault) {
    if (!(fault instanceof WeirError) || fault.code !== 'WEIR_STORE_DAMAGED') throw fault;
    return { state: { ...EMPTY_SHARD, damage: fault.message }, cleanRun: 0 };
  }
}

async function readShard(
  handle: LevelHandle,
  shard: number,
  names: ReadonlyMap<number, string>,
  known: KnownRuns,
): Promise<{ state: ShardState; cleanRun: number }> {
  const runs: Run[] = [];
  for await (const [key, value] of handle.entries(rangeOf(REGION.manifest, shard))) {
    const run = runOfEntry(shard, key, value, names);
    const same = known.get(run.id);
    runs.push(same?.shard === shard && same.period === run.period ? same : run);
  }
  const key = positionKey(shard);
  const value = handle.get(key);
  if (value === undefined && runs.length === 0) return { state: EMPTY_SHARD, cleanRun: 0 };
  const record = unseal(key, value);
  if (record === null) throw damagedShard(shard, 'its position record is damaged or missing');
  const shardRuns = changeRuns(new Map(), [], runs);
  const fingerprint = fingerprintOf(shardRuns);
  if (fingerprint.runs !== record.readUInt32LE(8) || fingerprint.mix !== record.readUInt32LE(12))
    throw damagedShard(shard, `its manifest lists ${fingerprint.runs} runs of ${record.readUInt32LE(8)}`);
  const state = { position: record.readDoubleLE(0), runs: shardRuns, fingerprint, damage: null };
  return { state, cleanRun: record.readUInt32LE(16) };
}

function runOfEntry(
  shard: number,
  key: Uint8Array,
  value: Uint8Array,
  names: ReadonlyMap<number, string>,
): Run {
  const payload = unseal(key, value);
  const about = readManifestKey(key);
  const said = payload === null ? null : decodeRun(payload);
  if (about === null || said === null)
    throw damagedShard(shard, 'an entry of its manifest fails its checksum');
  const table = names.get(about.tableId);
  if (table === undefined) throw damagedShard(shard, `the name of its table ${about.tableId} is lost`);
  return { ...said, id: about.run, shard, table, tableId: about.tableId, period: about.period, pinned: null };
}

export function damagedShard(shard: number, why: string): WeirError {
  return new WeirError('WEIR_STORE_DAMAGED', `Shard ${shard} of the store is damaged: ${why}.`, {
    suggestion: 'It is to be rebuilt from the log.',
  });
}

export function assertRunsLeft(next: number): void {
  if (next >= RUN_MAX)
    throw new WeirError(
      'WEIR_STORE_UNAVAILABLE',
      'The store has used up its run numbers; rebuild it from the log.',
    );
}
