import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FilterIndex } from './filter-index.ts';
import { filterCovers, filterMatches } from './topics.ts';

const level = fc.constantFrom('a', 'b', '', '$s');
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/') || 'a');
const filters = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '', '+', '$s'), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest ? ['#'] : [])].join('/') || '#');

test('the index finds what matching each filter by itself finds, through adding and removing', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(filters, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 }), fc.boolean()),
        { maxLength: 25 },
      ),
      fc.array(topics, { minLength: 1, maxLength: 8 }),
      (steps, asked) => {
        const index = new FilterIndex();
        const kept = new Map<string, { clientId: string; topic: string; qos: number }>();
        for (const [topic, client, qos, adds] of steps) {
          const clientId = `c${client}`;
          if (adds) {
            index.add({ clientId, topic, qos });
            kept.set(`${clientId} ${topic}`, { clientId, topic, qos });
          } else {
            index.remove(clientId, topic);
            kept.delete(`${clientId} ${topic}`);
          }
        }
        expect(index.size).toBe(kept.size);
        for (const topic of asked) {
          const best = new Map<string, number>();
          for (const one of kept.values())
            if (filterMatches(one.topic, topic))
              best.set(one.clientId, Math.max(best.get(one.clientId) ?? 0, one.qos));
          const found = index.match(topic).map(({ clientId, qos }) => [clientId, qos]);
          expect(found.sort()).toEqual([...best].sort());
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a filter that another covers matches nothing that the other does not', () => {
  fc.assert(
    fc.property(filters, filters, topics, (allowed, filter, topic) => {
      if (!filterCovers(allowed, filter) || topic.startsWith('$')) return;
      if (filterMatches(filter, topic)) expect(filterMatches(allowed, topic)).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

test('examples of the standard, section 4.7', () => {
  expect(filterMatches('sport/tennis/player1/#', 'sport/tennis/player1')).toBe(true);
  expect(filterMatches('sport/tennis/+', 'sport/tennis/player1/ranking')).toBe(false);
  expect(filterMatches('sport/+', 'sport')).toBe(false);
  expect(filterMatches('sport/+', 'sport/')).toBe(true);
  expect(filterMatches('+', '/finance')).toBe(false);
  expect(filterMatches('/+', '/finance')).toBe(true);
  expect(filterMatches('#', '$SYS/x')).toBe(false);
  expect(filterMatches('$SYS/#', '$SYS/x')).toBe(true);
});
