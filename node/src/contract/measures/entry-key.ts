import { hashBytes } from '../reading/shard-of.ts';
import type { Slice } from './slice.ts';

/**
 * Keys of the store's entries: four bytes of hash, then the name. The hash comes first so that the order of a
 * checkpoint is found by splitting numbers, and so that runs of all periods go through the groups in one order.
 */
const HASH_BYTES = 4;
/** Of the entry of a group of one dimension, where its bytes begin: its length comes first. */
export const KEY_NAME_AT = HASH_BYTES + 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function entryKey(name: Uint8Array): Uint8Array {
  return entryKeyHashed(nameHash(name), name);
}

/** The first length is left out, so that the name of a key alone has the hash that a section carries for it. */
export function nameHash(name: Uint8Array): number {
  return hashBytes(name, Math.min(2, name.length), name.length);
}

export function entryKeyHashed(hash: number, name: Uint8Array): Uint8Array {
  const key = new Uint8Array(HASH_BYTES + name.length);
  key[0] = hash >>> 24;
  key[1] = hash >>> 16;
  key[2] = hash >>> 8;
  key[3] = hash;
  key.set(name, HASH_BYTES);
  return key;
}

/** The hash of an entry's name, as its key has it. */
export function entryHash({ bytes, from }: Slice): number {
  return ((bytes[from] << 24) | (bytes[from + 1] << 16) | (bytes[from + 2] << 8) | bytes[from + 3]) >>> 0;
}

/** The name of an entry's key. */
export function entryName(key: Uint8Array): Uint8Array {
  return key.subarray(HASH_BYTES);
}

/**
 * A group's dimensions: each its UTF-8 length plus one (0 stands for null) in two bytes, then the bytes. A group of
 * no dimensions is no bytes.
 */
export function encodeGroup(dims: (string | null)[]): Uint8Array {
  const parts = dims.map((dim) => (dim === null ? null : encoder.encode(dim)));
  let size = 0;
  for (const part of parts) size += 2 + (part?.length ?? 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    const length = part === null ? 0 : part.length + 1;
    bytes[at++] = length >> 8;
    bytes[at++] = length;
    if (part !== null) bytes.set(part, at);
    at += part?.length ?? 0;
  }
  return bytes;
}

export function decodeGroup(bytes: Uint8Array): (string | null)[] {
  const dims: (string | null)[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes[at] << 8) | bytes[at + 1];
    at += 2;
    dims.push(length === 0 ? null : decoder.decode(bytes.subarray(at, at + length - 1)));
    if (length > 0) at += length - 1;
  }
  return dims;
}

/** Bytewise, a shorter one before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}
