import type { Block } from './block.ts';

/** What the manifest says of one run. A run never changes; its number is never given again while traces are left. */
export interface Run {
  readonly id: number;
  readonly shard: number;
  readonly table: string;
  readonly tableId: number;
  readonly period: number;
  /** Age within its period: that of its checkpoint, or of the newest run that was folded into it. */
  readonly order: number;
  readonly entries: number;
  /** 0: the run is so small that its entries stand in the manifest's value itself. */
  readonly blocks: number;
  /** Bytes of its values on disk. */
  readonly bytes: number;
  /** The entries of a small run that was dropped while a view could still ask for them. */
  pinned: Block | null;
}

export interface StoreDamage {
  shard: number;
  table: string | null;
  period: number | null;
  message: string;
}

/** Payload of a manifest value: order, entries, blocks, bytes; then, for a small run, its block. */
const HEADER_BYTES = 20;

export function encodeRun(run: Run, inline: Uint8Array | null): Buffer {
  const payload = Buffer.alloc(HEADER_BYTES + (inline?.length ?? 0));
  payload.writeUInt32LE(run.order, 0);
  payload.writeUInt32LE(run.entries, 4);
  payload.writeUInt32LE(run.blocks, 8);
  payload.writeUIntLE(run.bytes, 12, 6);
  if (inline !== null) payload.set(inline, HEADER_BYTES);
  return payload;
}

export function decodeRun(payload: Buffer): Pick<Run, 'order' | 'entries' | 'blocks' | 'bytes'> | null {
  if (payload.length < HEADER_BYTES) return null;
  return {
    order: payload.readUInt32LE(0),
    entries: payload.readUInt32LE(4),
    blocks: payload.readUInt32LE(8),
    bytes: payload.readUIntLE(12, 6),
  };
}

export function inlineOf(payload: Buffer): Buffer {
  return payload.subarray(HEADER_BYTES);
}
