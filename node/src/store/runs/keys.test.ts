import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from '../../contract/measures/entry-key.ts';
import { decodeBlock, keyAt, valueAt } from './block.ts';
import {
  blockKey,
  garbageKey,
  manifestKey,
  positionKey,
  rangeOf,
  readManifestKey,
  storeKey,
  tableKey,
} from './keys.ts';
import { seal, unseal } from './sealed.ts';

/** What is on the disk of every board: a change here needs a migration. */
test('keys are these bytes', () => {
  const hex = (key: Uint8Array) => Buffer.from(key).toString('hex');
  expect(hex(blockKey(258, 3))).toBe('010000010200000003');
  expect(hex(garbageKey(258))).toBe('0200000102');
  expect(hex(manifestKey(23, 7, -1, 258))).toBe('031700077fffffffffff00000102');
  expect(hex(positionKey(23))).toBe('0417');
  expect(hex(tableKey('marks'))).toBe('056d61726b73');
  expect(hex(storeKey())).toBe('06');
});

test('values are these bytes', () => {
  const sealed = seal(positionKey(1), Buffer.from('abc'));
  expect(sealed.toString('hex')).toBe(`01${sealed.subarray(1, 5).toString('hex')}616263`);
  expect(unseal(positionKey(1), sealed)?.toString()).toBe('abc');
  expect(unseal(positionKey(2), sealed)).toBeNull();
  const block = decodeBlock(Buffer.from('0002000000090000000101615801026262595a', 'hex'));
  expect(block).toBeNull();
  const right = decodeBlock(Buffer.from('00020000000a0000000101615802026262595a', 'hex'));
  expect(right?.count).toBe(2);
  expect(Buffer.from(keyAt(right!, 1)).toString()).toBe('bb');
  expect(Buffer.from(valueAt(right!, 1)).toString()).toBe('YZ');
});

test('manifest keys sort by shard, table, period and run, and read back', () => {
  const parts = fc.tuple(
    fc.nat({ max: 255 }),
    fc.nat({ max: 65_535 }),
    fc.integer({ min: -(2 ** 46), max: 2 ** 46 }),
    fc.nat({ max: 2 ** 31 - 1 }),
  );
  fc.assert(
    fc.property(parts, parts, (left, right) => {
      const [a, b] = [manifestKey(...left), manifestKey(...right)];
      const differing = left.findIndex((part, at) => part !== right[at]);
      const order = differing < 0 ? 0 : Math.sign(left[differing] - right[differing]);
      expect(Math.sign(compareBytes(a, b))).toBe(order);
      expect(readManifestKey(a)).toEqual({ tableId: left[1], period: left[2], run: left[3] });
    }),
  );
});

test('a range holds what begins with its prefix and nothing else', () => {
  const { gte, lt } = rangeOf(3, 255);
  expect(compareBytes(manifestKey(255, 65_535, 0, 1), gte)).toBeGreaterThan(0);
  expect(compareBytes(manifestKey(255, 65_535, 0, 1), lt)).toBeLessThan(0);
  expect(compareBytes(positionKey(0), lt)).toBeGreaterThanOrEqual(0);
});
