import { expect, test } from 'vitest';
import { assertOwner } from './data-dir.ts';

test('root makes no files in a data directory of somebody else, and everybody in their own', () => {
  expect(() => assertOwner('/var/lib/weir', 0, 990)).toThrow(/belongs to the user 990/);
  expect(() => assertOwner('/var/lib/weir', 0, 0)).not.toThrow();
  expect(() => assertOwner('/var/lib/weir', 990, 990)).not.toThrow();
});
