import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { seal, unseal } from './sealed.ts';

// The full price of a guess, paid three times, on a machine that does other things as well.
vi.setConfig({ testTimeout: 120_000 });

const WORDS = 'twelve or more';
/** A guess that costs nothing: what is tested is not the price. */
const CHEAP = { logN: 10, r: 8, p: 1 };

test('what was sealed comes back; the same text is never sealed to the same bytes', async () => {
  const plain = Buffer.from('secret');
  const [one, two] = [await seal(plain, WORDS, CHEAP), await seal(plain, WORDS, CHEAP)];
  expect(await unseal(one, WORDS, 'f')).toEqual(plain);
  expect(one.equals(two)).toBe(false);
});

test('the header of version 1 is what it was', async () => {
  const sealed = await seal(Buffer.alloc(0), WORDS);
  expect(sealed.subarray(0, 12).toString('hex')).toBe('574549525345414c01110801');
  expect(sealed.length).toBe(8 + 4 + 16 + 12 + 16);
});

test('a file of version 1 that was sealed long ago opens', async () => {
  const sealed = Buffer.from(GOLDEN, 'base64');
  expect((await unseal(sealed, 'correct horse battery', 'f')).toString()).toBe('{"version":1,"files":{}}');
});

test('a change of any byte is noticed, and no header makes it take a machine’s memory', async () => {
  const sealed = await seal(Buffer.from('secret'), WORDS, CHEAP);
  await fc.assert(
    fc.asyncProperty(
      // Past the cost, which stands below.
      fc.integer({ min: 12, max: sealed.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, bits) => {
        const changed = Buffer.from(sealed);
        changed[at] ^= bits;
        await expect(unseal(changed, WORDS, 'f')).rejects.toMatchObject({ code: 'WEIR_SEAL_BROKEN' });
      },
    ),
    { numRuns: 50 },
  );
  for (const [at, byte] of [
    [8, 2],
    [9, 31],
    [10, 255],
    [11, 99],
    [0, 0],
  ]) {
    const changed = Buffer.from(sealed);
    changed[at] = byte;
    await expect(unseal(changed, WORDS, 'f')).rejects.toMatchObject({ code: 'WEIR_SEAL_BROKEN' });
  }
  await expect(unseal(Buffer.alloc(3), WORDS, 'f')).rejects.toMatchObject({ code: 'WEIR_SEAL_BROKEN' });
});

test('a short passphrase is refused', async () => {
  await expect(seal(Buffer.alloc(1), 'short')).rejects.toMatchObject({ code: 'WEIR_USAGE' });
});

const GOLDEN =
  'V0VJUlNFQUwBEQgBq9P6WiPoyKUeQcaegiLwE29hgg20QQsomMsPUekZlG2mz3pFz98auAH4YIwfHlHH5YrGHwIscnOb2om12mKtUtL08XA=';
