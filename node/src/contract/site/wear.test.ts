import { expect, test } from 'vitest';
import { parseSite } from './parse.ts';

const site = (wear: string) =>
  parseSite(`weir: 1\nsite: { wear: ${wear} }\nstreams: { a: { from: "a/{m}", key: m } }\n`, 'wear.yaml');

test('what can be written is the size as often as its cells, or what the maker says', () => {
  expect(site('{ capacity: 32GB, cycles: 1000, budget: 5y }').site?.wear).toEqual({
    enduranceBytes: 32e12,
    lifeMs: 5 * 365.25 * 86_400_000,
  });
  expect(site('{ capacity: 16GB }').site?.wear).toEqual({ enduranceBytes: 48e12, lifeMs: null });
  expect(site('{ tbw: 40000GB }').site?.wear).toEqual({ enduranceBytes: 40e12, lifeMs: null });
  expect(parseSite('weir: 1\nstreams: { a: { from: "a/{m}", key: m } }\n', 'a').site?.wear).toBeUndefined();
});

test.each([
  ['{ budget: 5y }', 'needs its size or what can be written to it'],
  ['{ capacity: 32GB, tbw: 10TB }', 'has two answers to one question'],
  ['{ capacity: 1MB }', 'cannot be "1MB"'],
  ['{ tbw: 10TB, budget: 1d }', 'is no life for flash'],
  ['{ tbw: 10TB, cycles: 7 }', 'site.wear.cycles cannot be 7'],
])('%s is refused with a reason', (wear, why) => {
  const { faults } = site(wear);
  expect(faults.map((fault) => fault.message).join('\n')).toContain(why);
});
