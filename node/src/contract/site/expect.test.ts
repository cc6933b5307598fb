import { expect, test } from 'vitest';
import { parseSite } from './parse.ts';

const site = (expected: string) =>
  parseSite(`weir: 1\nstreams: { a: { from: "a/{m}", key: m, expect: ${expected} } }\n`, 'expect.yaml');

test('what is going to come is kept for the planner', () => {
  expect(site('{ keys: 1000, every: 5s }').site?.streams[0].expected).toEqual({
    keys: 1000,
    everyMs: 5000,
    pack: 1,
  });
  expect(site('{ keys: 7, every: 1h, pack: 20 }').site?.streams[0].expected?.pack).toBe(20);
});

test.each([
  ['{ keys: 0, every: 5s }', 'streams.a.expect.keys cannot be 0'],
  ['{ keys: 5 }', 'needs "every"'],
  ['{ keys: 5, every: 0s }', 'is no time at all'],
])('%s is refused with a reason', (expected, why) => {
  const { faults } = site(expected);
  expect(faults.map(({ message }) => message).join('\n')).toContain(why);
});
