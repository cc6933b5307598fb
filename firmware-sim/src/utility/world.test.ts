import { isWeirError } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { STATES } from './states.ts';
import { meterId, stateOf, typeOf, userId, utilityWorld, type WorldOptions } from './world.ts';

const options: WorldOptions = {
  seed: 'world',
  meters: 60_000,
  heartbeatMs: 5_000,
  utilities: ['electricity', 'gas', 'water'],
};

test('a user has one meter of each utility, all in one state and of one type', () => {
  const world = utilityWorld(options);
  expect([0, 1, 2, 3].map((meter) => meterId(world, meter))).toEqual([
    'e000000',
    'g000000',
    'w000000',
    'e000001',
  ]);
  for (let meter = 0; meter < 300; meter += 3) {
    expect(userId(world, meter + 2)).toBe(userId(world, meter));
    expect(stateOf(world, meter + 2)).toBe(stateOf(world, meter));
    expect(typeOf(world, meter + 1)).toBe(typeOf(world, meter));
  }
});

test('six in a hundred users are businesses, and users live where people do', () => {
  const world = utilityWorld(options);
  const users = options.meters / 3;
  const people = STATES.reduce((sum, [, thousands]) => sum + thousands, 0);
  const counts = new Map<string, number>();
  let businesses = 0;
  for (let meter = 0; meter < options.meters; meter += 3) {
    if (typeOf(world, meter) === 'business') businesses++;
    counts.set(stateOf(world, meter), (counts.get(stateOf(world, meter)) ?? 0) + 1);
  }
  expect(businesses / users).toBeCloseTo(0.06, 2);
  expect(STATES.length).toBe(51);
  expect(counts.size).toBe(51);
  for (const [state, thousands] of STATES)
    expect(Math.abs((counts.get(state) ?? 0) / users - thousands / people)).toBeLessThan(0.006);
});

test('another seed is another world', () => {
  const one = utilityWorld({ ...options, meters: 300 });
  const other = utilityWorld({ ...options, meters: 300, seed: 'other' });
  expect([...other.phaseMs]).not.toEqual([...one.phaseMs]);
  expect([...other.state]).not.toEqual([...one.state]);
});

test.each([
  { meters: 0 },
  { meters: 1.5 },
  { heartbeatMs: 0.5 },
  { heartbeatMs: Number.NaN },
  { utilities: [] },
])('a world of %o is refused with the reason', (wrong) => {
  expect(() => utilityWorld({ ...options, ...wrong })).toThrow(
    expect.toSatisfy((fault: unknown) => isWeirError(fault) && fault.code === 'WEIR_USAGE'),
  );
});
