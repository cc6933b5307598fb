import { expect, test } from 'vitest';
import { CODEC, packEntries, unpackEntries } from './block-codec.ts';

const entries = Buffer.from('meters/m1/electricity '.repeat(100));

test.each([
  ['zstd', CODEC.zstd],
  ['deflate', CODEC.deflate],
])('%s comes back as it was, whatever this Node would choose', (_name, codec) => {
  const packed = packEntries(entries, codec);
  expect(packed.codec).toBe(codec);
  expect(packed.bytes.length).toBeLessThan(entries.length / 4);
  expect(Buffer.from(unpackEntries(codec, packed.bytes, entries.length)!)).toEqual(entries);
});

test('what is small, and what does not shrink, stays as it is', () => {
  const small = entries.subarray(0, 100);
  expect(packEntries(small)).toEqual({ codec: CODEC.raw, bytes: small });
  const noise = Buffer.from(Array.from({ length: 300 }, (_, at) => (at * at * 31 + at * 7) % 251));
  const packed = packEntries(packEntries(noise).bytes);
  expect(packed.codec).toBe(CODEC.raw);
});

test('other bytes, an unknown codec and a wrong length are no block', () => {
  const { bytes } = packEntries(entries, CODEC.deflate);
  expect(unpackEntries(CODEC.deflate, entries, entries.length)).toBeNull();
  expect(unpackEntries(CODEC.deflate, bytes, 64)).toBeNull();
  expect(unpackEntries(9, bytes, entries.length)).toBeNull();
});

test('what is unpacked keeps no memory but its own', () => {
  const raw = new Uint8Array(3000).fill(7);
  const { codec, bytes } = packEntries(raw);
  expect(unpackEntries(codec, bytes, raw.length)?.buffer.byteLength).toBe(raw.length);
});
