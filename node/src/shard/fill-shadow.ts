import { decodeRecord, WeirError } from '../contract/index.ts';
import type { ShardEngine } from '../engine/engine.ts';
import type { KnownFrom, TakeQuestion } from './shadow-messages.ts';

/** Applies a record to those shards of a shadow that want it, each up to its own end. Answers the readings of all. */
export function applyEntry(
  engines: ReadonlyMap<number, ShardEngine>,
  { seq, bytes }: TakeQuestion['entries'][number],
  ends: ReadonlyMap<number, number> | null,
): number {
  const wants = (shard: number) => {
    const engine = engines.get(shard);
    return engine !== undefined && engine.position < seq && seq <= (ends?.get(shard) ?? seq);
  };
  const record = decodeRecord(bytes, wants);
  if ('fault' in record)
    throw new WeirError('WEIR_LOG_DAMAGED', `record ${seq} of the log cannot be read: ${record.fault}`);
  for (const [shard, engine] of engines) if (wants(shard)) engine.apply(record);
  let readings = 0;
  for (const section of record.sections) if (engines.has(section.shard)) readings += section.rows;
  return readings;
}

/** By stream, from when on all that a shadow has made is made of what it has read. */
export function knownFrom(engines: Iterable<ShardEngine>, streams: readonly { name: string }[]): KnownFrom {
  const known: KnownFrom = {};
  for (const engine of engines)
    for (const { name } of streams) {
      const end = engine.unknownTo(name);
      if (end !== null) known[name] = Math.max(known[name] ?? 0, end + 1);
    }
  return known;
}
